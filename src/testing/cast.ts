import type { Answer, ChatRequest } from './openai-answers.ts';
import { simplePlayer } from './openai-players.ts';
import type { SimplePlayerOptions } from './openai-players.ts';

type Player = (request: ChatRequest) => Answer | Promise<Answer>;

/** A cast of players, one for each repository: who is asked is found by the repository that the prompt names. */
export function createCast() {
  const parts = new Map<string, Player>();
  return {
    /** Says how the agents play in `acme/<repo>`. */
    in(repo: string, part: SimplePlayerOptions | Player): void {
      parts.set(repo, typeof part === 'function' ? part : simplePlayer(part));
    },
    play(request: ChatRequest): Answer | Promise<Answer> {
      const prompt = JSON.stringify(request.messages[0]?.content ?? '');
      const repo = /issue #\d+ of acme\/([\w.-]+)/.exec(prompt)?.[1] ?? '';
      const part = parts.get(repo);
      if (!part) throw new Error(`nobody plays in "${repo}"`);
      return part(request);
    },
  };
}
