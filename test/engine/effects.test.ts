import { afterAll, beforeAll, describe, it } from 'vitest';
import { startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import type { GitHubRequest } from '../../src/testing/mortal.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { expectOneOfEverything, journey } from './journey.ts';
import { PLAIN } from './scripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const SCRIPT = { questionRounds: [['How warmly?']], files: [{ 'greeting.txt': 'Hello, and welcome.\n' }], title: 'greet more warmly' };

function request(method: string, path: RegExp, body: RegExp = /^/): (request: GitHubRequest) => boolean {
  return (sent) => sent.method === method && path.test(sent.path) && body.test(sent.body);
}

/** Every kind of effect, by the request that performs it. */
const EFFECTS: Record<string, (request: GitHubRequest) => boolean> = {
  'a reaction': request('POST', /\/issues\/\d+\/reactions$/),
  'the status comment': request('POST', /\/issues\/\d+\/comments$/, /banyan:status:/),
  'an edit of the status comment': request('PATCH', /\/issues\/comments\/\d+$/, /banyan:status:/),
  'a comment': request('POST', /\/issues\/\d+\/comments$/, /banyan:questions:/),
  'a label': request('POST', /\/issues\/\d+\/labels$/),
  'the removal of a label': request('DELETE', /\/issues\/\d+\/labels\/.+/),
  'a branch': request('POST', /\/git\/refs$/),
  'a commit': request('POST', /\/graphql$/, /createCommitOnBranch/),
  'a pull request': request('POST', /\/pulls$/),
  'the start of a check': request('POST', /\/check-runs$/),
  'the completion of a check': request('PATCH', /\/check-runs\/\d+$/),
  'a review': request('POST', /\/pulls\/\d+\/reviews$/),
  'the end of a draft': request('POST', /\/graphql$/, /markPullRequestReadyForReview/),
  'the closing of the issue': request('PATCH', /\/issues\/\d+$/, /"closed"/),
};

describe('a process that ends', () => {
  const cases = Object.entries(EFFECTS).map(([name, matches], index) => ({ name, matches, repo: `effect-${index}` }));
  it.each(cases)('before $name is performed, and another before it is settled, leaves it done once', async ({ matches, repo }) => {
    engine.cast.in(repo, simplePlayer(SCRIPT));
    const watched = await engine.repository(repo, PLAIN);
    const issue = await journey(engine, watched, [
      engine.process({ death: { at: 'github', when: 'before', matches } }),
      engine.process({ death: { at: 'github', when: 'after', matches } }),
      engine.process(),
    ]);
    await expectOneOfEverything(watched, issue);
  });
});
