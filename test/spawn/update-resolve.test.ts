import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Octokit } from '@octokit/rest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askedIssue, askedMarker, conflictsMarker } from '../../src/domain/update-issue.ts';
import { requestUpdate } from '../../src/spawn/update/request/request.ts';
import { withScratch } from '../../src/spawn/update/target.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';
import { simplePlayer } from '../../src/testing/openai-players.ts';
import { startEngine, type Engine } from '../support/engine.ts';
import { addOrigin, commitAll, makeChild, makeMother, type Mother, write } from './mother.ts';

const PACKAGE = `${JSON.stringify({ name: 'my-shop', private: true, type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`;
const TEST = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { b } from './settings.js';\ntest('b', () => assert.ok(b > 2));\n";
const settings = (b: number) => `export const a = 1;\n// middle\nexport const b = ${b};\n`;

const V1: Mother = { version: '0.1.0', files: { 'settings.js': settings(1), 'settings.test.js': TEST, 'package.json': PACKAGE } };
const V2: Mother = { ...V1, version: '0.2.0', files: { ...V1.files, 'settings.js': settings(2) } };
const BRANCH = 'banyan/template-v0.2.0';
const OWN_BRANCH = 'feature/2-resolve-the-conflicts-of-template-v0-2-0';
const RESOLVED = { 'settings.js': settings(78) };

let engine: Engine;
let maintainer: Octokit;
let actions: Octokit;
beforeAll(async () => {
  engine = await startEngine();
  maintainer = engine.as('maintainer');
  actions = new Octokit({ baseUrl: engine.github.url, auth: 'actions-token' });
}, 60_000);
afterAll(() => engine.close());

let place = '';
let child = '';
let count = 0;
let at = { owner: 'acme', repo: '' };

/** A child whose settings were edited where the template's were: the update to 0.2.0 conflicts. */
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'update-resolve-'));
  makeMother(join(place, 'two'), V2);
  child = join(place, 'child');
  mkdirSync(child);
  makeChild(child, makeMother(join(place, 'one'), V1));
  at = { owner: 'acme', repo: `my-shop-${count++}` };
  await maintainer.rest.repos.createInOrg({ org: 'acme', name: at.repo });
  await maintainer.rest.issues.createLabel({ ...at, name: 'ready-for-dev' });
  addOrigin(child, engine.github.url, `acme/${at.repo}`);
  engine.cast.in(at.repo, { files: [RESOLVED] });
  await edit({ 'settings.js': settings(77) });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** A commit of a person on the default branch. Not waited for in this thread: the server that answers lives in it. */
async function edit(files: Record<string, string>): Promise<void> {
  write(child, files);
  commitAll(child);
  await promisify(execFile)('git', ['push', '-q', 'origin', 'main'], { cwd: child });
}

/** What the child's workflow does every week. */
async function update(token = 'actions-token') {
  const two = join(place, 'two');
  const env = { ...process.env, npm_config_cache: undefined };
  const handover = () => Promise.resolve(null);
  const request = { token, repository: `acme/${at.repo}`, api: engine.github.url, to: two, major: false, handover };
  const outcome = await withScratch((scratch) => requestUpdate(request, { root: child, running: two, scratch, commands: { cwd: child, env } }));
  if (typeof outcome === 'number') throw new Error(`another version has done it, and ended with ${outcome}`);
  return outcome;
}

const issues = async () => (await maintainer.rest.issues.listForRepo({ ...at, state: 'all' })).data.filter((issue) => !issue.pull_request);
const pull = async (number: number | null) => (await maintainer.rest.pulls.get({ ...at, pull_number: number ?? 0 })).data;
const pulls = async () => (await maintainer.rest.pulls.list({ ...at, state: 'all' })).data;
const labels = async (number: number) =>
  (await maintainer.rest.issues.get({ ...at, issue_number: number })).data.labels.map((label) => (typeof label === 'string' ? label : label.name));
const said = async (number: number) => (await maintainer.rest.issues.listComments({ ...at, issue_number: number })).data.map(({ body }) => body).join('\n');
const head = async (branch: string) => (await maintainer.rest.git.getRef({ ...at, ref: `heads/${branch}` })).data.object.sha;
const ticket = async (number: number) => {
  const [row] = await engine.sql<{ state: string; base_branch: string | null }>(
    'select t.state, t.base_branch from tickets t join projects p on p.id = t.project_id where p.name = $1 and t.number = $2',
    [at.repo, number],
  );
  return row ?? null;
};

async function text(path: string, ref: string): Promise<string> {
  const { data } = await maintainer.rest.repos.getContent({ ...at, path, ref });
  if (Array.isArray(data) || data.type !== 'file') throw new Error(`${path} is no file`);
  return Buffer.from(data.content, 'base64').toString();
}

/** A person pushes a file to a branch. */
async function pushTo(branch: string, path: string, content: string): Promise<void> {
  const found = await maintainer.rest.repos.getContent({ ...at, path, ref: branch }).catch(() => null);
  const sha = found && !Array.isArray(found.data) ? { sha: found.data.sha } : {};
  await maintainer.rest.repos.createOrUpdateFileContents({ ...at, branch, path, message: 'mine', content: Buffer.from(content).toString('base64'), ...sha });
}

describe('the conflicts of an update', () => {
  it('are asked of the Banyan of the child, resolved by it into the branch of the update, and merged by a person', async () => {
    const { pull: number } = await update();
    const [issue, ...others] = await issues();
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ number: 2, state: 'open', user: { login: 'github-actions[bot]' } });
    expect(await pull(number)).toMatchObject({ draft: true, user: { login: 'github-actions[bot]' }, body: expect.stringContaining('#2 asks Banyan') });

    const asked = engine.models.requests.length;
    await engine.settle();
    const developer = engine.models.requests.slice(asked).find(({ agent }) => agent === 'developer');
    for (const part of [BRANCH, '<<<<<<< your child', 'b = 77', 'b = 2']) expect(JSON.stringify(developer?.messages)).toContain(part);
    expect(engine.models.requests.slice(asked).map(({ agent }) => agent)).not.toContain('product-owner');
    const own = (await pulls()).find(({ head: { ref } }) => ref === OWN_BRANCH);
    expect(own).toMatchObject({ base: { ref: BRANCH }, draft: false, user: { login: 'banyan[bot]' } });
    const files = await maintainer.rest.pulls.listFiles({ ...at, pull_number: own?.number ?? 0 });
    expect(files.data.map(({ filename }) => filename)).toEqual(['settings.js']);
    const checks = await maintainer.rest.checks.listForRef({ ...at, ref: OWN_BRANCH });
    expect(checks.data.check_runs.map(({ name, conclusion }) => `${name}: ${conclusion}`).toSorted()).toEqual(['banyan/qa: success', 'banyan/review: success']);
    expect(await said(2)).toContain(`merge it into \`${BRANCH}\`, the branch of the update`);

    // What is being resolved does not move, and is asked once.
    const before = await head(BRANCH);
    await edit({ 'own.js': 'export {};\n' });
    expect(await update()).toMatchObject({ action: 'hold', pull: number });
    expect(await head(BRANCH)).toBe(before);
    expect(await issues()).toHaveLength(1);

    await maintainer.rest.pulls.merge({ ...at, pull_number: own?.number ?? 0 });
    await engine.settle();
    expect(await ticket(2)).toEqual({ state: 'done', base_branch: BRANCH });
    expect((await issues())[0]?.state).toBe('closed');
    expect(await text('settings.js', BRANCH)).toBe(settings(78));
    expect(await text('settings.js', 'main')).toBe(settings(77));

    expect(await update()).toMatchObject({ action: 'leave', pull: number });
    expect((await pull(number)).draft).toBe(false);
    expect(await issues()).toHaveLength(1);
  }, 120_000);

  it('that are left by the Developer are not taken, whatever it says', async () => {
    engine.cast.in(at.repo, { files: [{ 'notes.md': 'All resolved.\n' }] });
    await update();
    await engine.settle();
    expect(await ticket(2)).toMatchObject({ state: 'failed' });
    expect(await said(2)).toContain('conflicts of the update are left in settings.js');
    expect(await pulls()).toHaveLength(1);
  }, 120_000);

  it('that come back on the branch of the work are found by QA, whatever its model says', async () => {
    let pushed = false;
    const worker = engine.process({
      fetch: async (input, init) => {
        const { method, path } = await readGitHubRequest(input, init);
        const answer = await fetch(input, init);
        if (method !== 'POST' || !path.endsWith('/pulls') || pushed) return answer;
        pushed = true;
        const content = Buffer.from('<<<<<<< your child\n').toString('base64');
        await maintainer.rest.repos.createOrUpdateFileContents({ ...at, branch: OWN_BRANCH, path: 'notes.md', message: 'mine', content });
        return answer;
      },
    });
    await update();
    await engine.settle(worker);
    const checks = await maintainer.rest.checks.listForRef({ ...at, ref: OWN_BRANCH, check_name: 'banyan/qa' });
    expect(checks.data.check_runs.map(({ conclusion }) => conclusion)).toEqual(['failure']);
    expect(checks.data.check_runs[0]?.output.summary).toContain('Conflicts of the update are left in `notes.md`.');
  }, 120_000);

  it('end with the pull request of the update: the next run closes the issue, which stops the work', async () => {
    const { pull: number } = await update();
    await engine.settle();
    await maintainer.rest.pulls.update({ ...at, pull_number: number ?? 0, state: 'closed' });
    expect(await update()).toMatchObject({ action: 'refused' });
    expect((await issues())[0]).toMatchObject({ state: 'closed', closed_by: { login: 'github-actions[bot]' } });
    expect(await said(2)).toContain(`#${number}, which brings template v0.2.0, was closed.`);
    await engine.settle();
    expect(await ticket(2)).toMatchObject({ state: 'cancelled' });
    await maintainer.rest.issues.update({ ...at, issue_number: 2, state: 'open' });
    await maintainer.rest.issues.createComment({ ...at, issue_number: 2, body: '/banyan retry' });
    await engine.settle();
    expect(await ticket(2)).toMatchObject({ state: 'cancelled' });
    expect(await said(2)).toContain(`The pull request of the update from \`${BRANCH}\` is not open any more`);
  }, 120_000);

  it('of an older version are closed with it, and those of the newer one are asked', async () => {
    await update();
    await engine.settle();
    makeMother(join(place, 'two'), { ...V2, version: '0.2.1' });
    const { pull: newer } = await update();
    const [asked, old, ...others] = await issues();
    expect(others).toEqual([]);
    expect(old).toMatchObject({ number: 2, state: 'closed' });
    expect(asked).toMatchObject({ state: 'open', title: 'Resolve the conflicts of template v0.2.1', labels: [{ name: 'ready-for-dev' }] });
    expect(askedIssue((await pull(newer)).body ?? '')).toBe(asked?.number);
    await engine.settle();
    expect([(await ticket(2))?.state, await ticket(asked?.number ?? 0)]).toEqual(['cancelled', { state: 'in_review', base_branch: 'banyan/template-v0.2.1' }]);
  }, 120_000);

  it('that somebody resolved by hand are asked of nobody any more', async () => {
    const { pull: number } = await update();
    const { data } = await maintainer.rest.repos.getContent({ ...at, path: 'settings.js', ref: BRANCH });
    const sha = Array.isArray(data) ? '' : data.sha;
    const content = Buffer.from(settings(79)).toString('base64');
    await maintainer.rest.repos.createOrUpdateFileContents({ ...at, branch: BRANCH, path: 'settings.js', sha, message: 'mine', content });
    await update();
    expect((await pull(number)).draft).toBe(false);
    expect((await issues())[0]?.state).toBe('closed');
  }, 120_000);

  describe('once they are over', () => {
    const own = async () => (await pulls()).find(({ head: { ref } }) => ref === OWN_BRANCH);

    it('leave no pull request of their resolution open, which says why, and once', async () => {
      await update();
      await engine.settle();
      const { number = 0 } = (await own()) ?? {};
      expect(await pull(number)).toMatchObject({ state: 'open', user: { login: 'banyan[bot]' } });
      await pushTo(BRANCH, 'settings.js', settings(79));
      await update();
      expect(await pull(number)).toMatchObject({ state: 'closed', merged: false });
      expect(await said(number)).toContain('#2, which asked for this resolution');
      await engine.settle();
      expect(await ticket(2)).toMatchObject({ state: 'cancelled' });
      await maintainer.rest.pulls.update({ ...at, pull_number: number, state: 'open' });
      await update();
      expect((await pull(number)).state).toBe('open');
    }, 120_000);

    it('leave one alone to which a person has pushed', async () => {
      await update();
      await engine.settle();
      await pushTo(OWN_BRANCH, 'settings.js', settings(80));
      await maintainer.rest.issues.update({ ...at, issue_number: 2, state: 'closed' });
      await update();
      expect((await own())?.state).toBe('open');
    }, 120_000);

    it('leave one of an issue alone that is about something else', async () => {
      await update();
      await engine.settle();
      const { number = 0, body } = (await own()) ?? {};
      const { data: other } = await maintainer.rest.issues.create({ ...at, title: 'Other', body: 'Of its own.' });
      await maintainer.rest.issues.update({ ...at, issue_number: other.number, state: 'closed' });
      await maintainer.rest.pulls.update({ ...at, pull_number: number, body: (body ?? '').replaceAll('#2', `#${other.number}`) });
      await maintainer.rest.issues.update({ ...at, issue_number: 2, state: 'closed' });
      await update();
      expect((await own())?.state).toBe('open');
    }, 120_000);
  });

  it('go nowhere where the branch of the update was made anew meanwhile, and the issue says what to do', async () => {
    const play = simplePlayer({ files: [RESOLVED] });
    let moved = false;
    engine.cast.in(at.repo, async (request) => {
      if (!moved) {
        moved = true;
        const main = await head('main');
        const { data } = await maintainer.rest.git.getCommit({ ...at, commit_sha: main });
        const anew = await maintainer.rest.git.createCommit({ ...at, tree: data.tree.sha, parents: [main], message: 'made anew' });
        await maintainer.rest.git.updateRef({ ...at, ref: `heads/${BRANCH}`, sha: anew.data.sha, force: true });
      }
      return play(request);
    });
    await update();
    await engine.settle();
    expect(await ticket(2)).toMatchObject({ state: 'failed' });
    expect(await said(2)).toContain('was made anew, or merged, since this work began');
    expect(await pulls()).toHaveLength(1);
  }, 120_000);

  it('are asked by a person, too, whose token runs the update', async () => {
    await update('maintainer-token');
    const asked = engine.models.requests.length;
    await engine.settle();
    expect(engine.models.requests.slice(asked).map(({ agent }) => agent)).not.toContain('product-owner');
    expect(await ticket(2)).toEqual({ state: 'in_review', base_branch: BRANCH });
  }, 120_000);

  it('in some files that no agent may change hold up nobody in the others: each does theirs, and the update is a draft until all are gone', async () => {
    makeMother(join(place, 'one'), { ...V1, files: { ...V1.files, 'AGENTS.md': 'Rules.\n' } });
    rmSync(child, { recursive: true });
    mkdirSync(child);
    makeChild(child, join(place, 'one'));
    makeMother(join(place, 'two'), { ...V2, files: { ...V2.files, 'AGENTS.md': 'Rules of theirs.\n' } });
    addOrigin(child, engine.github.url, `acme/${at.repo}`);
    write(child, { 'AGENTS.md': 'Rules of ours.\n', 'settings.js': settings(77) });
    commitAll(child);
    await promisify(execFile)('git', ['push', '-q', '-f', 'origin', 'main'], { cwd: child });
    const { pull: number } = await update();
    const [issue] = await issues();
    expect(issue?.body).toContain('- [ ] `settings.js` on the branch');
    expect(issue?.body).not.toContain('- [ ] `AGENTS.md`');
    expect(issue?.body).toContain('Not part of this: `AGENTS.md`');
    expect((await pull(number)).body).toContain('**These stay with you,** since no agent may change them: `AGENTS.md`.');
    await engine.settle();
    expect(await ticket(2)).toEqual({ state: 'in_review', base_branch: BRANCH });
    const own = (await pulls()).find(({ head: { ref } }) => ref === OWN_BRANCH);
    const checks = await maintainer.rest.checks.listForRef({ ...at, ref: OWN_BRANCH });
    expect(checks.data.check_runs.map(({ name, conclusion }) => `${name}: ${conclusion}`).toSorted()).toEqual(['banyan/qa: success', 'banyan/review: success']);
    await maintainer.rest.pulls.merge({ ...at, pull_number: own?.number ?? 0 });
    await engine.settle();
    await update();
    expect((await pull(number)).draft).toBe(true);
    await pushTo(BRANCH, 'AGENTS.md', 'Rules of both.\n');
    await update();
    expect((await pull(number)).draft).toBe(false);
  }, 120_000);

  it('in files that people have to resolve leave nothing to ask once the others are resolved by hand', async () => {
    await edit({ '.github/banyan.yml': 'protected_paths: [notes.js]\n', 'notes.js': 'ours\n' });
    makeMother(join(place, 'two'), { ...V2, files: { ...V2.files, 'notes.js': 'theirs\n' } });
    await update();
    // A marker in a file that no agent may change, and none in the others.
    await pushTo(BRANCH, 'settings.js', settings(79));
    await pushTo(BRANCH, 'notes.js', '<<<<<<< your child\n');
    await update();
    expect((await issues())[0]?.state).toBe('closed');
    expect(await said(2)).toContain('in files that no agent may change');
  }, 120_000);

  it('in a file that no agent may change are left to people, which the pull request says', async () => {
    await edit({ '.github/banyan.yml': 'protected_paths: [settings.js]\n' });
    const { pull: number } = await update();
    expect(await issues()).toEqual([]);
    expect((await pull(number)).body).toContain('No agent may change `settings.js`, so Banyan was not asked.');
  }, 120_000);

  it('are asked in an issue of their own, whatever one with the marker is there: a run that was broken off left it behind', async () => {
    const { data: left } = await actions.rest.issues.create({ ...at, title: 'Resolve the conflicts', body: conflictsMarker('0.2.0') });
    const { pull: number } = await update();
    const named = askedIssue((await pull(number)).body ?? '');
    expect(named).not.toBe(left.number);
    expect(await labels(named ?? 0)).toEqual(['ready-for-dev']);
    expect((await maintainer.rest.issues.get({ ...at, issue_number: left.number })).data).toMatchObject({ state: 'closed', labels: [] });
    await update();
    expect(await issues()).toHaveLength(2);
    await engine.settle();
    expect([await ticket(left.number), await ticket(named ?? 0)]).toEqual([null, { state: 'in_review', base_branch: BRANCH }]);
  }, 120_000);
});

describe('nobody else makes Banyan work on the branch of an update', () => {
  const body = (version: string) => `Please resolve it.\n\n${conflictsMarker(version)}\n`;
  const visitor = () => engine.as('visitor');
  const ask = async (as: Octokit, text: string) => (await as.rest.issues.create({ ...at, title: 'Resolve the conflicts', body: text })).data.number;
  const label = (as: Octokit, issue: number) => as.rest.issues.addLabels({ ...at, issue_number: issue, labels: ['ready-for-dev'] });

  it('by an issue with the marker: a stranger waits, and with a maintainer it is an ordinary issue, even where the update names it', async () => {
    const { pull: number } = await update();
    const issue = await ask(visitor(), body('0.2.0'));
    await engine.settle();
    expect(await ticket(issue)).toEqual({ state: 'awaiting_approval', base_branch: null });
    const named = ((await pull(number)).body ?? '').replace(askedMarker(2), askedMarker(issue));
    await maintainer.rest.pulls.update({ ...at, pull_number: number ?? 0, body: named });
    await label(maintainer, issue);
    await engine.settle();
    expect(await ticket(issue)).toEqual({ state: 'in_review', base_branch: null });
    const own = (await pulls()).find(({ head: { ref } }) => ref.startsWith(`feature/${issue}-`));
    expect(own?.base.ref).toBe('main');
  }, 120_000);

  it('by a workflow of the repository, whatever marker it writes', async () => {
    await update();
    const opened = [];
    for (const text of [body('0.3.0'), body('0.2.0'), body('0.2.0/../main'), body('0.2.0') + body('0.2.0'), 'Please resolve it.']) {
      const issue = await ask(actions, text);
      await label(actions, issue);
      opened.push(issue);
    }
    await engine.settle();
    expect(await Promise.all(opened.map(ticket))).toEqual([null, null, null, null, null]);
    expect(await ticket(2)).toEqual({ state: 'in_review', base_branch: BRANCH });
  }, 120_000);
});
