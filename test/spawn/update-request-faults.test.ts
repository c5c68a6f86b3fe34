import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { Patience } from '../../src/spawn/patience.ts';
import { checkLocally } from '../../src/spawn/update/check.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { LIMITED, type Asked, type Fault } from './faults.ts';
import { git, makeMother, type Mother, write } from './mother.ts';
import { openShop, type Shop } from './request-support.ts';

const WORKFLOW = '.github/workflows/ci.yml';
const OLD_WORKFLOW = '.github/workflows/old.yml';
const V1: Mother = {
  version: '0.1.0',
  files: {
    'config.ts': 'export const a = 1;\n// middle\nexport const b = 1;\n',
    'tool.ts': 'export {};\n',
    [WORKFLOW]: 'name: CI\non: push\n',
    [OLD_WORKFLOW]: 'name: old\n',
  },
};
const CONFIG = 'export const a = 1;\n// middle\nexport const b = 2;\n';
const V2: Mother = { ...V1, version: '0.2.0', files: { ...V1.files, 'config.ts': CONFIG } };
const BRANCH = 'banyan/template-v0.2.0';

let stand: Stand;
let shop: Shop;
let place = '';
let child = '';
let two = '';
let at = { owner: 'maintainer', repo: '' };
let pauses: number[] = [];

beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

beforeEach(async () => {
  shop = await openShop(stand, V1);
  two = shop.offer(V2);
  ({ child, place, at } = shop);
});
afterEach(() => shop.close());

const edit = (files: Record<string, string>) => shop.edit(files);

/** The update by pull request, with waits that are written down in place of being waited. */
function run(fault: (asked: Asked) => Fault | null = () => null) {
  pauses = [];
  const pause = (ms: number) => {
    pauses.push(ms);
    return Promise.resolve();
  };
  return shop.run({ patience: new Patience({ pause }) }, fault);
}

const thePull = async (number: number | null) => (await stand.maintainer.rest.pulls.get({ ...at, pull_number: number ?? 0 })).data;
const pulls = async () => (await stand.maintainer.rest.pulls.list({ ...at, state: 'all' })).data;

async function text(path: string, ref = BRANCH): Promise<string> {
  const { data } = await stand.maintainer.rest.repos.getContent({ ...at, path, ref });
  if (Array.isArray(data) || data.type !== 'file') throw new Error(`${path} is no file`);
  return Buffer.from(data.content, 'base64').toString();
}

const CHANGED_WORKFLOW = { ...V2, files: { ...V2.files, [WORKFLOW]: 'name: CI\non: [push]\n' } };

/** As GitHub answers to a token of Actions. */
const noWorkflows = ({ url, body }: Asked): Fault | null =>
  url.endsWith('/git/trees') && body.includes('"path":".github/workflows')
    ? { status: 403, body: '{"message":"Resource not accessible by integration"}' }
    : null;

describe('a rate limit', () => {
  it('is waited out, and never taken for a missing permission', async () => {
    makeMother(two, CHANGED_WORKFLOW);
    const limited = new Set<string>();
    const once = ({ method, url }: Asked) => {
      if (method === 'GET' || limited.has(url)) return null;
      limited.add(url);
      return LIMITED;
    };
    const { pull } = await run(once);
    expect(limited.size).toBeGreaterThan(3);
    expect(pauses.every((ms) => ms > 6_000 && ms <= 7_000)).toBe(true);
    expect(await text(WORKFLOW)).toBe(CHANGED_WORKFLOW.files[WORKFLOW]);
    expect((await thePull(pull)).body).not.toContain('by hand');
  });

  it('that lasts ends the run with the hour, and the next one goes on', async () => {
    makeMother(two, CHANGED_WORKFLOW);
    const { pull } = await run();
    const before = await thePull(pull);
    await edit({ 'own.ts': '1\n' });
    const reset = Math.round(Date.now() / 1000) + 3_000;
    const lasting = { ...LIMITED, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) } };
    const trees = run(({ url }) => (url.endsWith('/git/trees') ? lasting : null));
    await expect(trees).rejects.toMatchObject({
      code: 'github_rate_limited',
      fix: expect.stringMatching(/^Run it again in (?:49|50) min.*, at .*\d\d:\d\d UTC/) as string,
    });
    expect(pauses).toEqual([]);
    expect(await thePull(pull)).toMatchObject({ head: { sha: before.head.sha }, body: before.body });
    expect((await run()).pull).toBe(pull);
    expect(await text('own.ts')).toBe('1\n');
    expect(await text(WORKFLOW)).toBe(CHANGED_WORKFLOW.files[WORKFLOW]);
  });

  it('and faults are waited out while reading; nothing is written twice', async () => {
    const failed = new Set<string>();
    const { pull } = await run(({ method, url }) => {
      if (method !== 'GET' || failed.has(url)) return null;
      failed.add(url);
      return { status: 502, body: 'Bad gateway' };
    });
    expect((await pulls()).map(({ number }) => number)).toEqual([pull]);
    await expect(run(({ method }) => (method === 'GET' ? null : { status: 502, body: 'Bad gateway' }))).rejects.toThrow(/Bad gateway|502/);
    expect(pauses).toEqual([]);
  });
});

describe('where GitHub offers no drafts', () => {
  const REFUSED = '{"data":{"convertPullRequestToDraft":null},"errors":[{"type":"UNPROCESSABLE","message":"Draft pull requests are not supported."}]}';
  const noDrafts = ({ url, method, body }: Asked): Fault | null => {
    if (method === 'POST' && url.endsWith('/pulls') && body.includes('"draft":true'))
      return { status: 422, body: '{"message":"Draft pull requests are not supported."}' };
    return url.endsWith('/graphql') && body.includes('convertPullRequestToDraft') ? { status: 200, body: REFUSED } : null;
  };

  it('the pull request says that it is not ready, and later runs go on', async () => {
    await edit({ 'config.ts': CONFIG.replace('b = 2', 'b = 77') });
    const { pull } = await run(noDrafts);
    const first = await thePull(pull);
    expect(first).toMatchObject({ draft: false, body: expect.stringContaining('**Not ready:**') });
    await edit({ 'own.ts': '1\n' });
    expect((await run(noDrafts)).pull).toBe(pull);
    expect(await text('own.ts')).toBe('1\n');
    expect((await thePull(pull)).body).toBe(first.body);
  });
});

describe('what a person has set', () => {
  it('stays: the title, and that it is no draft', async () => {
    await edit({ 'config.ts': CONFIG.replace('b = 2', 'b = 77') });
    const { pull } = await run();
    const { node_id: id } = await thePull(pull);
    await stand.maintainer.graphql('mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }', { id });
    await stand.maintainer.rest.pulls.update({ ...at, pull_number: pull ?? 0, title: 'Ours' });
    await edit({ 'own.ts': '1\n' });
    await run();
    expect(await thePull(pull)).toMatchObject({ draft: false, title: 'Ours', body: expect.stringContaining('**Not ready:**') });
    expect(await text('own.ts')).toBe('1\n');
  });

  it('is one pull request where two runs meet', async () => {
    const { pull } = await run();
    // The run that has not seen it yet.
    const blind = ({ method, url }: Asked) => (method === 'GET' && url.includes('/pulls?') && url.includes('state=all') ? { status: 200, body: '[]' } : null);
    expect((await run(blind)).pull).toBe(pull);
    expect(await pulls()).toHaveLength(1);
  });
});

describe('the words of others', () => {
  it('close, name and hide nothing in the pull request', async () => {
    const entry = 'Fixes #1, closes acme/x#3, thanks @maintainer. <!-- banyan-update: superseded --> <details>\n\n```\nan open block';
    makeMother(two, { ...V2, changelog: `# Changelog\n\n## [0.2.0]\n\n- ${entry}\n` });
    const { pull } = await run();
    const body = (await thePull(pull)).body ?? '';
    expect(body).not.toMatch(/Fixes #1|x#3|@maintainer|<!--|<details>/);
    expect(body).toMatch(/an open block\n```\n/);
    await stand.maintainer.rest.pulls.update({ ...at, pull_number: pull ?? 0, state: 'closed' });
    expect((await run()).action).toBe('refused');
  });

  it('are cut between lines where they are many, with all else in its place', async () => {
    makeMother(two, { ...V2, changelog: `# Changelog\n\n## [0.2.0]\n\n\`\`\`\n${'- 😀 an entry with `code`\n'.repeat(6_000)}` });
    const { pull, action } = await run();
    expect(action).toBe('push');
    const body = (await thePull(pull)).body ?? '';
    expect(body.length).toBeLessThan(65_000);
    expect(body.isWellFormed()).toBe(true);
    expect(body).toMatch(/`code`\n```\n\n\(cut: [^]*## Files[^]*Closing it refuses this version/);
    const next = await run();
    expect(next.notes).toEqual([]);
  });
});

describe('workflows that the token may not push', () => {
  /** What stands in the body, applied as a person would. */
  async function apply(pull: number | null): Promise<void> {
    const body = (await thePull(pull)).body ?? '';
    write(place, { 'workflows.patch': /```diff\n([^]*?)```/.exec(body)?.[1] ?? '' });
    git(child, 'apply', join(place, 'workflows.patch'));
  }

  it('apply from the text: line ends, a missing end, a new one, and one that goes', async () => {
    await edit({ [WORKFLOW]: 'name: CI\r\non: push' });
    const files = Object.fromEntries(Object.entries(CHANGED_WORKFLOW.files).filter(([path]) => path !== OLD_WORKFLOW));
    makeMother(two, { ...V2, files: { ...files, '.github/workflows/new.yml': 'name: new' } });
    const { pull } = await run(noWorkflows);
    await apply(pull);
    expect(git(child, 'status', '--short')).toBe(` M ${WORKFLOW}\n D ${OLD_WORKFLOW}\n?? .github/workflows/new.yml\n`);
    expect(readFileSync(join(child, WORKFLOW), 'utf8')).toMatch(/^name: CI\r\non: \[push\]/);
    expect(await text('config.ts')).toBe(CONFIG);
  });

  const NEW_WORKFLOW = '.github/workflows/new.yml';
  /** Each kind of change, and one more file. */
  const KINDS: Mother = {
    ...V2,
    files: { 'config.ts': CONFIG, 'tool.ts': 'export {};\n', [WORKFLOW]: 'name: CI\non: push\npermissions: read-all\n', [NEW_WORKFLOW]: 'name: new\n' },
  };

  /** The update merged as it is, without its workflows, of which the child has edited one. */
  async function mergeWithout(): Promise<number | null> {
    await edit({ [WORKFLOW]: '# ours\nname: CI\non: push\n' });
    makeMother(two, KINDS);
    const { pull } = await run(noWorkflows);
    await stand.maintainer.rest.pulls.merge({ ...at, pull_number: pull ?? 0 });
    await promisify(execFile)('git', ['pull', '-q', 'origin', 'main'], { cwd: child });
    return pull;
  }
  const issues = async () => (await stand.maintainer.rest.issues.listForRepo({ ...at, state: 'all' })).data.filter((issue) => !issue.pull_request);

  it('are not lost when the rest is merged: told once, and brought by the next update that may', async () => {
    await mergeWithout();
    expect(await run(noWorkflows)).toMatchObject({ action: 'push', pull: null });
    await run(noWorkflows);
    expect(await pulls()).toHaveLength(1);
    const [issue, ...others] = await issues();
    expect(others).toEqual([]);
    for (const part of ['+permissions: read-all', '+name: new', '+++ /dev/null']) expect(issue?.body).toContain(part);
    makeMother(two, { ...KINDS, version: '0.3.0' });
    await run();
    const next = 'banyan/template-v0.3.0';
    expect(await text(WORKFLOW, next)).toBe('# ours\nname: CI\non: push\npermissions: read-all\n');
    expect(await text(NEW_WORKFLOW, next)).toBe('name: new\n');
    await expect(text(OLD_WORKFLOW, next)).rejects.toMatchObject({ status: 404 });
    expect(readBook(await text(BOOK_PATH, next)).behind).toBeUndefined();
  });

  it('are behind no more once somebody has applied them', async () => {
    const pull = await mergeWithout();
    await apply(pull);
    const book = readBook(readFileSync(join(child, BOOK_PATH), 'utf8'));
    expect(Object.keys(book.behind ?? {})).toEqual([WORKFLOW, NEW_WORKFLOW, OLD_WORKFLOW]);
    expect(checkLocally(child, book).problems).toEqual([]);
    await edit({});
    const next = await run(noWorkflows);
    const { data } = await stand.maintainer.rest.pulls.listFiles({ ...at, pull_number: next.pull ?? 0 });
    expect(data.map(({ filename }) => filename)).toEqual([BOOK_PATH]);
    expect(readFileSync(join(child, WORKFLOW), 'utf8')).toBe('# ours\nname: CI\non: push\npermissions: read-all\n');
    expect(await issues()).toEqual([]);
  });
});

describe('attributes that turn line ends', () => {
  it('make no difference to what is committed', async () => {
    await edit({ '.gitattributes': '* text eol=crlf\n' });
    git(child, 'rm', '-q', '--cached', '-r', '.');
    git(child, 'reset', '-q', '--hard');
    expect(readFileSync(join(child, 'config.ts'), 'utf8')).toContain('\r\n');
    makeMother(two, CHANGED_WORKFLOW);
    const { pull } = await run(noWorkflows);
    expect(await text('config.ts')).toBe(CONFIG);
    expect(readBook(await text(BOOK_PATH)).version).toBe('0.2.0');
    const body = (await thePull(pull)).body ?? '';
    expect(body).not.toContain('\r');
    write(place, { 'workflows.patch': /```diff\n([^]*?)```/.exec(body)?.[1] ?? '' });
    git(child, 'apply', join(place, 'workflows.patch'));
    expect(git(child, 'diff', '--stat')).toMatch(/ci\.yml \| 2 \+-/);
  });

  it('leave what is stored with CRLF as it is', async () => {
    await edit({ 'config.ts': CONFIG.replace('b = 2', 'b = 1').replaceAll('\n', '\r\n') });
    await run();
    expect(await text('config.ts')).toBe(CONFIG.replaceAll('\n', '\r\n'));
  });
});
