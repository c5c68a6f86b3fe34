import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BOOK_PATH, readBook } from '../../src/spawn/book.ts';
import { checkLocally } from '../../src/spawn/update/check.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import type { Mother } from './mother.ts';
import { openShop, type Shop } from './request-support.ts';

const CI = '.github/workflows/ci.yml';
const CHECK = '.github/workflows/check.yml';
const OWN = '.github/workflows/own.yml';
const settings = (b: number) => `export const a = 1;\n// middle\nexport const b = ${b};\n`;
const V1: Mother = { version: '0.1.0', files: { 'config.ts': settings(1), 'tool.ts': 'export {};\n', [CI]: 'name: CI\non: push\n' } };
const V2: Mother = { version: '0.2.0', files: { 'config.ts': settings(2), 'tool.ts': 'export {};\n', [CI]: 'name: CI\non: [push, pull_request]\n' } };
const BRANCH = 'banyan/template-v0.2.0';
const NEXT = 'banyan/template-v0.3.0';

let stand: Stand;
let shop: Shop;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());
beforeEach(async () => {
  shop = await openShop(stand, V1);
  shop.offer(V2);
});
afterEach(() => shop.close());

const open = async () => (await shop.issues()).filter(({ state }) => state === 'open');

describe('workflows that stayed behind', () => {
  /** A conflict, resolved by a push to the branch, and merged; the branch stays, as is GitHub's default. */
  async function mergePushed(method: 'merge' | 'squash'): Promise<void> {
    await shop.edit({ 'config.ts': settings(77) });
    const { pull } = await shop.weakly();
    await shop.pushTo(BRANCH, 'config.ts', settings(78));
    await shop.weakly();
    await shop.merge(pull, method);
    expect(Object.keys(shop.book().behind ?? {})).toEqual([CI]);
  }

  it.each(['merge', 'squash'] as const)('reach somebody where a person had pushed to the branch before it was merged (%s)', async (method) => {
    await mergePushed(method);
    await shop.weakly();
    const [issue, ...others] = await open();
    expect(others).toEqual([]);
    expect(issue?.body).toContain('+on: [push, pull_request]');
    const { pull } = await shop.run();
    expect(await shop.text(CI, BRANCH)).toBe(V2.files[CI]);
    await shop.merge(pull);
    await shop.weakly();
    expect(await open()).toEqual([]);
    expect(await shop.comments(issue?.number ?? 0)).toContain('have come');
  });

  it('are told in the issue where somebody goes on working on the branch after it was merged', async () => {
    await mergePushed('merge');
    await shop.pushTo(BRANCH, 'tool.ts', 'export const mine = 1;\n');
    expect(await shop.run()).toMatchObject({ action: 'leave', pull: null });
    expect(await shop.text('tool.ts', BRANCH)).toBe('export const mine = 1;\n');
    expect((await open()).map(({ body }) => body).join()).toContain('+on: [push, pull_request]');
  });

  it('are told in the issue where the next version is refused', async () => {
    const { pull } = await shop.weakly();
    await shop.merge(pull);
    shop.offer({ ...V2, version: '0.3.0', files: { ...V2.files, 'config.ts': settings(3) } });
    const next = await shop.weakly();
    await stand.maintainer.rest.pulls.update({ ...shop.at, pull_number: next.pull ?? 0, state: 'closed' });
    expect((await shop.weakly()).action).toBe('refused');
    expect((await open()).map(({ title }) => title)).toEqual(['Workflows of template v0.2.0, to be applied by hand']);
  });

  it('are followed where the template had moved them, also by a later version, with the edits', async () => {
    await shop.edit({ [CI]: 'name: CI\non: push\njobs:\n  a:\n    runs-on: mine\n' });
    const moved: Mother = {
      version: '0.2.0',
      files: { 'config.ts': settings(2), 'tool.ts': 'export {};\n', [CHECK]: 'name: Check\non: push\npermissions: read-all\nconcurrency: x\ndefaults: y\n' },
      renames: [{ from: CI, to: CHECK, version: '0.2.0' }],
    };
    shop.offer(moved);
    await shop.merge((await shop.weakly()).pull);
    shop.offer({ ...moved, version: '0.3.0' });
    await shop.run();
    expect(await shop.text(CI, NEXT)).toBeNull();
    expect(await shop.text(CHECK, NEXT)).toContain('runs-on: mine');
    // What both began with is the text of the version that it was left at.
    expect(await shop.text(CHECK, NEXT)).toContain('||||||| template v0.1.0');
  });
});

describe('a conflict in a workflow that may not be pushed', () => {
  const own = 'name: CI\non: [push, workflow_dispatch]\n';
  beforeEach(() => shop.edit({ [CI]: own }));

  it('is not promised on the branch, makes no draft, and waits for a merge on the machine of a person', async () => {
    const { pull, conflicts } = await shop.weakly();
    const first = await shop.pull(pull);
    expect({ conflicts, draft: first.draft }).toEqual({ conflicts: 0, draft: false });
    expect(first.body).not.toContain('## Conflicts');
    expect(first.body).not.toContain('<<<<<<<');
    expect(first.body).toMatch(/`npx banyan update`[^]*`\.github\/workflows\/ci\.yml`: 1 conflict/);
    expect(await shop.text(CI, BRANCH)).toBe(own);
    expect(readBook(await shop.text(BOOK_PATH, BRANCH)).conflicts).toBeUndefined();
    await shop.pushTo(BRANCH, 'tool.ts', 'something else\n');
    expect((await shop.weakly()).notes.join()).not.toContain('No conflict is left');
    await shop.merge(pull);
    expect(checkLocally(shop.child, shop.book()).problems).toEqual([]);
    expect(await shop.weakly()).toMatchObject({ pull: null, conflicts: 0 });
    const [issue] = await open();
    expect(issue?.body).toMatch(/`npx banyan update`[^]*`\.github\/workflows\/ci\.yml`: 1 conflict/);
    expect(issue?.body).not.toContain('<<<<<<<');
    // With a token that may it is a draft, with markers that name the version from which the text is.
    const strong = await shop.run();
    expect((await shop.pull(strong.pull)).draft).toBe(true);
    expect(await shop.text(CI, BRANCH)).toContain('<<<<<<< your child\non: [push, workflow_dispatch]\n||||||| template v0.1.0\non: push\n=======\n');
  });

  it('leaves the other conflicts of the update as they are', async () => {
    await shop.edit({ 'config.ts': settings(77) });
    const { pull, conflicts } = await shop.weakly();
    const { draft, body } = await shop.pull(pull);
    expect({ conflicts, draft }).toEqual({ conflicts: 1, draft: true });
    expect(/## Conflicts\n[^]*?\n## /.exec(body ?? '')?.[0]).toMatch(/config\.ts/);
    expect(/## Conflicts\n[^]*?\n## /.exec(body ?? '')?.[0]).not.toMatch(/ci\.yml/);
  });
});

describe('what a codemod mends in a workflow that may not be pushed', () => {
  const own = (word: string, more = '') => `on: push\n${more}jobs:\n  a:\n    steps:\n      - run: npx banyan ${word}\n`;
  const codemods = {
    '0.2.0-old.mjs': `export const title = 'old is new';
export default ({ list, read, write }) => {
  for (const path of list()) if (path.endsWith('.yml')) write(path, read(path).replace('banyan old', 'banyan new'));
  return [];
};
`,
  };

  it('is kept in the book, brought by the next run that may, and merged with what was edited since', async () => {
    await shop.edit({ [OWN]: own('old') });
    shop.offer({ ...V2, codemods });
    await shop.merge((await shop.weakly()).pull);
    expect(checkLocally(shop.child, shop.book()).problems).toEqual([]);
    await shop.weakly();
    const [issue] = await open();
    expect(issue?.body).toContain('+      - run: npx banyan new');
    const again = await shop.run();
    expect(await shop.text(OWN, BRANCH)).toBe(own('new'));
    await stand.maintainer.rest.pulls.update({ ...shop.at, pull_number: again.pull ?? 0, state: 'closed' });
    await shop.edit({ [OWN]: own('old', '# mine\n') });
    shop.offer({ ...V2, version: '0.3.0' });
    const { pull } = await shop.run();
    expect(await shop.text(OWN, NEXT)).toBe(own('new', '# mine\n'));
    const book = readBook(await shop.text(BOOK_PATH, NEXT));
    expect(book.behind).toBeUndefined();
    expect(Object.keys(book.files)).not.toContain(OWN);
    await shop.merge(pull);
    await shop.weakly();
    expect(await open()).toEqual([]);
  });

  it('is carried over a version whose workflows may not be pushed either, with what the template changes there', async () => {
    const template = (word: string, on: string) => `name: CI\non: ${on}\njobs:\n  a:\n    steps:\n      - run: npx banyan ${word}\n`;
    const shopOf = (mother: Mother, on: string): Mother => ({ ...mother, files: { ...mother.files, [CI]: template('new', on) } });
    shop.close();
    shop = await openShop(stand, { ...V1, files: { ...V1.files, [CI]: template('new', 'push') } });
    await shop.edit({ [CI]: template('old', 'push') });
    shop.offer({ ...shopOf(V2, 'push'), codemods });
    await shop.merge((await shop.weakly()).pull);
    shop.offer({ ...shopOf(V2, '[push]'), version: '0.3.0', codemods });
    await shop.merge((await shop.weakly()).pull);
    expect(shop.read(CI)).toBe(template('old', 'push'));
    await shop.run();
    expect(await shop.text(CI, NEXT)).toBe(template('new', '[push]'));
  });

  it('is kept where the template changed other lines of it that are in conflict', async () => {
    const ci = (on: string, word: string) => `name: CI\non: ${on}\npermissions: read-all\n\njobs:\n  a:\n    steps:\n      - run: npx banyan ${word}\n`;
    shop.close();
    shop = await openShop(stand, { ...V1, files: { ...V1.files, [CI]: ci('push', 'new') } });
    await shop.edit({ [CI]: ci('mine', 'old') });
    shop.offer({ ...V2, files: { ...V2.files, [CI]: ci('[push]', 'new') }, codemods });
    await shop.merge((await shop.weakly()).pull);
    await shop.weakly();
    shop.offer({ ...V2, version: '0.3.0', files: { ...V2.files, [CI]: ci('[push]', 'new') }, codemods });
    await shop.merge((await shop.weakly()).pull);
    expect(shop.read(CI)).toBe(ci('mine', 'old'));
    await shop.run();
    const marked = await shop.text(CI, NEXT);
    expect(marked).toContain('<<<<<<< your child\non: mine\n||||||| template v0.1.0\non: push\n=======\non: [push]\n>>>>>>> template v0.3.0\n');
    expect(marked).toContain('- run: npx banyan new\n');
    expect(readBook(await shop.text(BOOK_PATH, NEXT)).behind).toBeUndefined();
  });

  it('is given up where somebody has changed the same lines since, which is said', async () => {
    await shop.edit({ [OWN]: own('old') });
    shop.offer({ ...V2, codemods });
    await shop.merge((await shop.weakly()).pull);
    await shop.edit({ [OWN]: own('other') });
    const { pull } = await shop.run();
    expect(await shop.text(OWN, BRANCH)).toBe(own('other'));
    expect((await shop.pull(pull)).body).toMatch(/own\.yml[^\n]*yours stays/);
    expect(readBook(await shop.text(BOOK_PATH, BRANCH)).behind).toBeUndefined();
  });
});
