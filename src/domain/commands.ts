import { cleanUntrusted, truncateMiddle } from '../kernel/text.ts';

export const COMMANDS = ['plan', 'retry', 'stop', 'pause', 'resume', 'budget', 'status', 'update', 'help'] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** The rest of the line. */
  argument: string;
  /** The same with what stands below it, to the end of the comment or to the next command: a hint in as many words as it takes. */
  words: string;
}

const ARGUMENT_CHARS = 200;
const WORDS_CHARS = 2_000;

/** US dollars that one issue may cost at most, by configuration or by command. */
export const MAX_BUDGET_USD = 1000;

/** The amount of `/banyan budget 12.50` in US dollars, a dollar sign allowed; null where it is none. */
export function parseBudget(argument: string): number | null {
  const match = /^\$?(\d{1,9}(?:\.\d{1,2})?)$/.exec(argument.trim());
  return match ? Number(match[1]) : null;
}

const COMMAND = /^[ \t]*\/banyan(?:[ \t]+([a-z-]+))?[ \t]*(.*)$/im;

/** The first line of a comment that begins with `/banyan`; null where there is none. An unknown word is `help`. */
export function parseCommand(body: string): Command | null {
  const text = body.slice(0, 10_000);
  const match = COMMAND.exec(text);
  if (!match) return null;
  const name = (match[1] ?? 'help').toLowerCase();
  const known = COMMANDS.find((command) => command === name);
  const rest = match[2] ?? '';
  const below = text.slice(match.index + match[0].length);
  const next = COMMAND.exec(below);
  const words = cleanUntrusted(rest + below.slice(0, next?.index)).trim();
  return { name: known ?? 'help', argument: rest.trim().slice(0, ARGUMENT_CHARS), words: truncateMiddle(words, WORDS_CHARS) };
}

/** Answers `/banyan help`. */
export const HELP = [
  'What I understand, each on a line of its own, from people with write access:',
  '',
  '- `/banyan plan`: start on this issue (questions first)',
  '- `/banyan retry [hint]`: start again after a stop, keeping the branch and the pull request',
  '- `/banyan stop`: stop all work on this issue',
  '- `/banyan pause` and `/banyan resume [hint]`: hold all work, and go on where it was',
  '- `/banyan budget 10`: what this issue may cost in US dollars; a run that its budget stopped goes on',
  '- `/banyan status`: bring the status comment up to date',
  '',
  'Adding the label `ready-for-dev` starts the Developer at once.',
].join('\n');
