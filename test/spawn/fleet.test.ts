import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, writeBook, type Book } from '../../src/spawn/book.ts';
import { keepFleetIssue } from '../../src/spawn/fleet/issue.ts';
import { lookAtFleet, type FleetChild } from '../../src/spawn/fleet/look.ts';
import { fleetBody, fleetText } from '../../src/spawn/fleet/words.ts';
import { hubApi } from '../../src/spawn/hub.ts';
import { renderTemplate } from '../../src/spawn/render.ts';
import { readTemplate } from '../../src/spawn/template.ts';
import { SUPERSEDED } from '../../src/spawn/update/request/decide.ts';
import { startStand, type Stand } from '../local-github/harness.ts';

const ROOT = packageRoot();
const template = readTemplate(ROOT);
let stand: Stand;

beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

interface ChildOptions {
  private?: boolean;
  book?: Partial<Book>;
  /** Text by path; null leaves the file out. */
  edits?: Record<string, string | null>;
}

/** A repository with a child in it, in one commit. */
async function plant(repo: string, { private: isPrivate = false, book = {}, edits = {} }: ChildOptions = {}): Promise<void> {
  const at = { owner: 'acme', repo };
  const { git } = stand.maintainer;
  await stand.maintainer.repos.createInOrg({ org: 'acme', name: repo, auto_init: true, private: isPrivate });
  const answers = parseAnswers({ name: repo, domain: 'saas', agents: ['qa'] }, 'answers');
  const banyan = 'file:vendor/banyan.tgz';
  const files = renderTemplate(template, answers, { banyan });
  const text = writeBook({ ...createBook({ template, commit: null, banyan, answers, files }), ...book });
  const contents = new Map<string, string | null>([...files.map(({ path, content }) => [path, content] as const), [BOOK_PATH, text], ...Object.entries(edits)]);
  const tree = [...contents].flatMap(([path, content]) => (content === null ? [] : [{ path, content, mode: '100644' as const, type: 'blob' as const }]));
  const { data: head } = await git.getRef({ ...at, ref: 'heads/main' });
  const { data: made } = await git.createTree({ ...at, tree, base_tree: head.object.sha });
  const { data: commit } = await git.createCommit({ ...at, message: 'feat: spawn', tree: made.sha, parents: [head.object.sha] });
  await git.updateRef({ ...at, ref: 'heads/main', sha: commit.sha });
}

/** A pull request of an update, closed unmerged where it was refused. */
async function updatePull(repo: string, version: string, refused: boolean, body = ''): Promise<void> {
  const at = { owner: 'acme', repo };
  const head = `banyan/template-v${version}`;
  const { data: main } = await stand.maintainer.git.getRef({ ...at, ref: 'heads/main' });
  await stand.maintainer.git.createRef({ ...at, ref: `refs/heads/${head}`, sha: main.object.sha });
  await stand.maintainer.repos.createOrUpdateFileContents({ ...at, branch: head, path: `v${version}.md`, message: 'chore: update', content: 'aGk=' });
  const { data: pull } = await stand.maintainer.pulls.create({ ...at, title: `Template v${version}`, body, head, base: 'main' });
  if (refused) await stand.maintainer.pulls.update({ ...at, pull_number: pull.number, state: 'closed' });
}

function api(token = 'maintainer-token') {
  return hubApi({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: token }, new AbortController().signal, { name: 'fleet', needs: 'read' });
}

function childOf(children: readonly FleetChild[], name: string): FleetChild | undefined {
  return children.find(({ repository }) => repository === `acme/${name}`);
}

describe('banyan fleet', () => {
  beforeAll(async () => {
    const managed = 'src/functions.ts';
    await plant('as-given');
    await plant('turned', { edits: { [managed]: template.files.find(({ path }) => path === managed)?.text.replaceAll('\n', '\r\n') ?? '' } });
    await plant('drifted', { edits: { [managed]: 'export {};\n', 'tsconfig.json': '{}\n', 'api/health.ts': null, 'AGENTS.md': null } });
    await plant('older', { book: { version: '0.0.9' } });
    await plant('unseen', { book: { fleet: false } });
    await plant('broken', { edits: { [BOOK_PATH]: '{"format": 1}' } });
    await plant('broken-unseen', { edits: { [BOOK_PATH]: '{"fleet": false}' } });
    await plant('torn-unseen', { edits: { [BOOK_PATH]: '{"fleet": false, torn' } });
    await plant('hidden', { private: true });
    await updatePull('older', '0.0.10', true);
    await updatePull('older', '0.0.11', true);
    // Closed by the update itself, when a newer one came.
    await updatePull('older', '0.0.12', true, SUPERSEDED);
    await updatePull('older', '0.1.0', false);
    const run = { name: 'banyan-update', path: '.github/workflows/banyan-update.yml', conclusion: 'failure' };
    await stand.maintainer.request('POST /repos/acme/drifted/_local/actions/runs', run);
  });

  it('shows versions, drift, last check and refusals, and nothing of who opted out', async () => {
    const { children, truncated } = await lookAtFleet(api(), { template });
    expect(truncated).toBe(false);
    expect(children.map(({ repository }) => repository)).toEqual(['acme/as-given', 'acme/broken', 'acme/drifted', 'acme/hidden', 'acme/older', 'acme/turned']);
    expect(childOf(children, 'as-given')).toMatchObject({
      version: template.version,
      domain: 'saas',
      drift: { managed: [], merged: 0, missing: [] },
      lastCheck: null,
      refusals: [],
    });
    expect(childOf(children, 'turned')?.drift).toEqual({ managed: [], merged: 0, missing: [] });
    expect(childOf(children, 'drifted')).toMatchObject({
      drift: { managed: ['src/functions.ts'], merged: 1, missing: ['api/health.ts'] },
      lastCheck: { outcome: 'failure', at: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string },
    });
    expect(childOf(children, 'older')).toMatchObject({
      version: '0.0.9',
      refusals: ['0.0.11', '0.0.10'],
      lastCheck: { outcome: 'pull request' },
      drift: { managed: [] },
    });
    expect(childOf(children, 'older')?.waiting).toMatch(/\/pull\/\d+$/);
    expect(childOf(children, 'broken')).toMatchObject({ version: 'unknown', problem: expect.stringContaining('book') as string });
  });

  it('fetches no file that is as it was given, where the template is at hand', async () => {
    const asked: string[] = [];
    const real = globalThis.fetch;
    globalThis.fetch = (input, init) => {
      asked.push(input instanceof Request ? input.url : input.toString());
      return real(input, init);
    };
    await lookAtFleet(api(), { template }).finally(() => (globalThis.fetch = real));
    const blobs = asked.filter((url) => url.includes('/git/blobs/'));
    // Two that were edited, and one whose line ends were turned.
    expect(blobs.filter((url) => url.includes('/as-given/') || url.includes('/hidden/'))).toEqual([]);
    expect(blobs.filter((url) => /\/(?:drifted|turned)\//.test(url))).toHaveLength(3);
  });

  it('keeps one issue, written only where it says something else, and leaves private children unnamed in a public one', async () => {
    await stand.maintainer.repos.createInOrg({ org: 'acme', name: 'banyan', auto_init: true });
    const at = { owner: 'acme', repo: 'banyan' };
    // A stranger's issue with the marker is not ours.
    await stand.visitor.issues.create({ ...at, title: 'Mine', body: '<!-- banyan:fleet -->\nhello' });
    const found = await lookAtFleet(api(), { template, owner: 'acme' });
    const first = await keepFleetIssue(api(), 'acme/banyan', found);
    expect(first.what).toBe('created');
    expect(await keepFleetIssue(api(), 'acme/banyan', found)).toEqual({ what: 'unchanged', url: first.url });
    const fewer = { ...found, children: found.children.slice(1) };
    expect(await keepFleetIssue(api(), 'acme/banyan', fewer)).toEqual({ what: 'updated', url: first.url });
    const number = Number(first.url.split('/').at(-1));
    const { data: kept } = await stand.maintainer.issues.get({ ...at, issue_number: number });
    await stand.maintainer.issues.update({ ...at, issue_number: number, body: `A note of mine.\n\n${kept.body}` });
    expect(await keepFleetIssue(api(), 'acme/banyan', fewer)).toEqual({ what: 'updated', url: first.url });
    const { data } = await stand.maintainer.issues.listForRepo({ ...at, creator: 'maintainer', state: 'all' });
    expect(data).toHaveLength(1);
    expect(data[0]?.body).toContain('acme/drifted');
    expect(data[0]?.body).not.toMatch(/hidden|unseen/);
    expect(data[0]?.body).toContain('1 in private repositories is not named');
    expect(fleetBody(found, { named: true })).toContain('acme/hidden');
    expect((await stand.visitor.issues.listForRepo({ ...at, creator: 'visitor' })).data[0]?.body).toContain('hello');
  });

  it('names nobody and breaks no table by what a child says of itself', () => {
    const child: FleetChild = {
      repository: 'acme/x',
      url: 'https://github.com/acme/x',
      private: false,
      domain: '@maintainer | <img> `x`',
      version: '0.1.0',
      drift: { managed: ['a|b\n@visitor', 'x\u009b31m\u202e\u200b\u{e0041}y'], merged: 0, missing: [] },
      lastCheck: null,
      refusals: ['9.9.9\u001b]0;title\u0007\n  drift: none'],
      waiting: null,
      problem: null,
      unseen: false,
    };
    const fleet = { version: '0.1.0', children: [child], seen: 1, truncated: false, unseen: [] };
    const body = fleetBody(fleet, { named: true });
    const row = body.split('\n').find((line) => line.includes('acme/x')) ?? '';
    expect(row).not.toMatch(/@(?:maintainer|visitor)|(?<!\\)[<`]/);
    expect(row.split(/(?<!\\)\|/)).toHaveLength(9);
    // Of its own the table has spaces of no width, which keep mentions and references apart.
    for (const text of [body.replaceAll('\u200b', ''), fleetText(fleet)]) {
      expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Default_Ignorable_Code_Point}]/u);
      expect(text.split('\n').filter((line) => line.startsWith('  drift: none'))).toEqual([]);
    }
  });

  it('leaves one issue open where two runs begin at the same time', async () => {
    await stand.maintainer.repos.createInOrg({ org: 'acme', name: 'twice', auto_init: true });
    const found = await lookAtFleet(api(), { template, owner: 'acme' });
    const kept = await Promise.all([1, 2, 3].map(() => keepFleetIssue(api(), 'acme/twice', found)));
    const { data } = await stand.maintainer.issues.listForRepo({ owner: 'acme', repo: 'twice', state: 'open' });
    expect(data).toHaveLength(1);
    expect(new Set(kept.map(({ url }) => url))).toEqual(new Set([data[0]?.html_url]));
  });

  it('works as a command, and says what is missing', async () => {
    const run = (args: string[], env: Record<string, string>) =>
      new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
        const running = spawn(process.execPath, [join(ROOT, 'scripts/banyan.js'), 'fleet', ...args], {
          cwd: tmpdir(),
          env: { PATH: process.env['PATH'] ?? '', GITHUB_API_URL: stand.url, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let [stdout, stderr] = ['', ''];
        running.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
        running.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
        running.once('close', (status) => resolve({ status, stdout, stderr }));
      });
    const shown = await run(['--owner', 'acme'], { GITHUB_TOKEN: 'maintainer-token' });
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toMatch(/acme\/older {2}0\.0\.9 \(.* behind\)[\s\S]*refused: 0\.0\.11, 0\.0\.10/);
    const json = await run(['--json', '--issue', '--in', 'acme/banyan'], { GITHUB_TOKEN: 'maintainer-token' });
    expect(JSON.parse(json.stdout)).toMatchObject({ issue: { what: expect.any(String) as string } });
    const missing = await run(['--json'], {});
    expect(missing.stderr).toContain('GITHUB_TOKEN');
    expect(JSON.parse(missing.stdout)).toEqual({ error: expect.objectContaining({ code: 'config_invalid', fix: expect.any(String) as string }) as object });
    expect((await run([], {})).stdout).toBe('');
    const wrong = await run([], { GITHUB_TOKEN: 'no-such-token' });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('401')]);
  });
});
