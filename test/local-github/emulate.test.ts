import { createEmulator } from 'emulate';
import type { Emulator } from 'emulate';
import { Octokit } from '@octokit/rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStand } from './harness.ts';
import type { Stand } from './harness.ts';

// A second opinion: another stand-in for GitHub, written by others, is asked the same things. Where both answer, they must agree.

let stand: Stand;
let emulator: Emulator;
let others: Octokit;

beforeAll(async () => {
  stand = await startStand();
  emulator = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { second: { login: 'maintainer', scopes: ['repo'] } },
      github: { users: [{ login: 'maintainer' }], repos: [{ owner: 'maintainer', name: 'shop', auto_init: true }] },
    },
  });
  others = new Octokit({ baseUrl: emulator.url, auth: 'second' });
});
afterAll(async () => {
  await stand.stop();
  await emulator.close();
});

/** The form of an answer: types by field, nested ones by their own. */
function formOf(value: unknown, depth = 2): unknown {
  if (value === null || typeof value !== 'object' || depth === 0) return value === null ? 'null' : typeof value;
  if (Array.isArray(value)) return ['array'];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, formOf(item, depth - 1)]));
}

function common(a: Record<string, unknown>, b: Record<string, unknown>, fields: string[]) {
  const pick = (from: Record<string, unknown>) => Object.fromEntries(fields.map((field) => [field, formOf(from[field])]));
  return { ours: pick(a), theirs: pick(b) };
}

async function statusOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 200;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

describe('both stand-ins agree', () => {
  const ours = { owner: 'acme', repo: 'shop' };
  const theirs = { owner: 'maintainer', repo: 'shop' };

  it('on the form of an issue and of a comment', async () => {
    const [a, b] = await Promise.all([stand.maintainer.rest.issues.create({ ...ours, title: 'One' }), others.rest.issues.create({ ...theirs, title: 'One' })]);
    const issue = common(a.data, b.data, ['number', 'title', 'state', 'node_id', 'html_url', 'comments', 'locked']);
    expect(issue.ours).toEqual(issue.theirs);
    const [c, d] = await Promise.all([
      stand.maintainer.rest.issues.createComment({ ...ours, issue_number: a.data.number, body: 'hello' }),
      others.rest.issues.createComment({ ...theirs, issue_number: b.data.number, body: 'hello' }),
    ]);
    const comment = common(c.data, d.data, ['id', 'node_id', 'body', 'created_at', 'updated_at']);
    expect(comment.ours).toEqual(comment.theirs);
  });

  it('on what is not there and what cannot be', async () => {
    const missing = { issue_number: 9999 };
    expect(await statusOf(stand.maintainer.rest.issues.get({ ...ours, ...missing }))).toBe(await statusOf(others.rest.issues.get({ ...theirs, ...missing })));
    const ref = { ref: 'heads/none' };
    expect(await statusOf(stand.maintainer.rest.git.getRef({ ...ours, ...ref }))).toBe(await statusOf(others.rest.git.getRef({ ...theirs, ...ref })));
  });

  it('on refs: made once, refused twice', async () => {
    const makeTwice = async (octokit: Octokit, at: { owner: string; repo: string }) => {
      const { data } = await octokit.rest.git.getRef({ ...at, ref: 'heads/main' });
      const make = () => statusOf(octokit.rest.git.createRef({ ...at, ref: 'refs/heads/second', sha: data.object.sha }));
      return [await make(), await make()];
    };
    expect(await makeTwice(stand.maintainer, ours)).toEqual(await makeTwice(others, theirs));
  });
});
