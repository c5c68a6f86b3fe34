/** A child of the previous release, with local edits of each class, is brought to this one. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOOK_PATH, hashOf, readBook } from '../../../src/spawn/book.ts';
import { installRequest } from './request.ts';
import type { Stage } from './stage.ts';

export interface UpdatePlay {
  from: { version: string; tarball: string };
  to: string;
  /** `node_modules` of a child of this version: what is unchanged need not be installed again. */
  installed: string;
}

class Files {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text);
  }

  edit(path: string, from: string, to: string): void {
    const text = this.read(path);
    if (!text.includes(from)) throw new Error(`${path} of the previous release holds no ${JSON.stringify(from)}`);
    this.write(
      path,
      text.replace(from, () => to),
    );
  }
}

function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`after the update: ${what}`);
}

const OWN = '// Ours, and nobody else’s.\n';
const OWN_TEST = "\nit('is ours', () => expect('ours').toBe('ours'));\n";
const OWN_AGENTS = '# Our own word to whoever works here\n';

/** What people do to files of each class. */
function editEachClass(files: Files): void {
  // managed
  files.write('src/functions.ts', `${files.read('src/functions.ts')}${OWN}`);
  // merged: beside what the template changes, and on the same line
  files.edit('package.json', '"start": "banyan start",', '"start": "banyan start",\n    "own": "node src/own.ts",');
  files.edit('banyan.config.ts', '  // The specialised roles.', '  // Our people.');
  files.write('.gitignore', `${files.read('.gitignore')}own/\n`);
  // merged, and renamed by the template
  files.write('test/prompts.test.ts', `${files.read('test/prompts.test.ts')}${OWN_TEST}`);
  // seed, and a file of the child's own where the template brings one by now
  files.write('README.md', '# Velo Works, as we tell it\n');
  files.write('AGENTS.md', OWN_AGENTS);
  // local
  files.write('src/own.ts', OWN);
  // deleted by the child; dropped by the template, of which one was edited
  rmSync(join(files.root, '.env.example'));
  files.write('.nvmrc', '22.18\n');
}

function checkFiles(files: Files, { from, to }: UpdatePlay): void {
  const book = readBook(files.read(BOOK_PATH));
  expectThat(book.version === to && book.banyan === `file:vendor/banyan-${to}.tgz`, 'the book names the new version and its package');
  expectThat(files.has(`vendor/banyan-${to}.tgz`) && !files.has(`vendor/banyan-${from.version}.tgz`), 'the package in vendor/ is the new one alone');
  expectThat(hashOf(files.read('src/functions.ts')) === book.files['src/functions.ts']?.sha256, 'a managed file is the template’s');
  expectThat(files.read(`.banyan/replaced/v${from.version}/src/functions.ts`).includes(OWN), 'what was edited in it is kept aside');
  const manifest = JSON.parse(files.read('package.json')) as {
    scripts: Record<string, string>;
    devDependencies: Record<string, string>;
    dependencies: Record<string, string>;
  };
  expectThat(manifest.scripts['own'] === 'node src/own.ts', 'a script of the child’s own is in package.json');
  expectThat(manifest.scripts['doctor'] === 'banyan doctor', 'a script that is new in the template is, too');
  expectThat(manifest.scripts['start'] === 'exec banyan start', 'a script that the template has changed is the new one');
  expectThat(manifest.dependencies['banyan'] === book.banyan, 'package.json depends on the new package');
  expectThat(/^own\/$/m.test(files.read('.gitignore')) && /^coverage\/$/m.test(files.read('.gitignore')), '.gitignore has lines of both sides');
  expectThat(!files.has('test/prompts.test.ts') && files.read('test/agents.test.ts').includes(OWN_TEST.trim()), 'a renamed file took the edit along');
  expectThat(files.read('README.md') === '# Velo Works, as we tell it\n', 'a seed is as the child wrote it');
  expectThat(files.read('src/own.ts') === OWN, 'a local file is untouched');
  expectThat(files.read('AGENTS.md') === OWN_AGENTS, 'a file of the child’s own is untouched where the template brings one by now');
  expectThat(book.files['AGENTS.md']?.class === 'local', 'and the book calls it local');
  expectThat(files.has('.gitattributes'), 'a new file is there');
  expectThat(!files.has('.env.example'), 'what the child deleted stays deleted');
  expectThat(!files.has('.editorconfig'), 'what the template dropped is gone');
  expectThat(files.read('.nvmrc') === '22.18\n', 'what it dropped and the child had edited is still there');
}

/** Both sides have changed the same line of it. */
const CONFLICTING = 'banyan.config.ts';

/** Takes the child's side of every conflict. */
function solve(text: string): string {
  return text.replaceAll(/^<{7}[^\n]*\n([\s\S]*?)^\|{7}[\s\S]*?^>{7}[^\n]*\n/gm, '$1');
}

export async function updateChild(stage: Stage, play: UpdatePlay): Promise<void> {
  const child = join(stage.scratch, 'an older child');
  const files = new Files(child);
  const git = (...args: string[]) => stage.run(child, ['git', '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args]);
  await stage.step(`spawn from the template of ${play.from.version}`, () =>
    stage.banyan(stage.scratch, ['spawn', 'velo-works', '--domain', 'e-commerce', '--dir', child, '--banyan', play.from.tarball, '--no-install', '--yes']),
  );
  await stage.step('local edits of each class', async () => {
    editEachClass(files);
    await git('add', '-A');
    await git('commit', '-q', '-m', 'feat: our own ways');
  });
  await stage.step('the pull request of the update: npm ci takes its lock file', () => installRequest(stage, { child, to: play.to }));
  // Installed already, but for what differs between the releases.
  renameSync(play.installed, join(child, 'node_modules'));
  const waits = 10;
  await stage.step('an update waits', () =>
    stage
      .banyan(child, ['update', '--check', '--to', stage.tarball], 1)
      .then((said) => expectThat(said.includes('src/functions.ts'), 'the check names the managed file that was edited')),
  );
  await stage.step('it waits for who edited no managed file, too', async () => {
    const edited = files.read('src/functions.ts');
    files.write('src/functions.ts', edited.replace(OWN, ''));
    await stage.banyan(child, ['update', '--check', '--to', stage.tarball], waits);
    files.write('src/functions.ts', edited);
  });
  await stage.step(`update to ${play.to}: one conflict, and nothing else in doubt`, async () => {
    const said = await stage.banyan(child, ['update', '--to', stage.tarball], 1);
    expectThat(said.includes('Conflicts: banyan.config.ts (1).'), `the conflict is listed:\n${said}`);
    expectThat(said.includes('The template has its own AGENTS.md; yours is local'), `what stayed local is said:\n${said}`);
  });
  await stage.step('each file is as its class says', () => Promise.resolve(checkFiles(files, play)));
  await stage.step('the check fails while a conflict is left, and holds afterwards', async () => {
    const failed = await stage.banyan(child, ['update', '--check', '--local'], 1);
    expectThat(/banyan\.config\.ts:\d+/.test(failed), 'the check names the line of the conflict');
    files.write(CONFLICTING, solve(files.read(CONFLICTING)));
    expectThat(files.read(CONFLICTING).includes('// Our people.'), 'the child’s side is among the conflict');
    await stage.run(child, ['npm', 'run', '-s', 'check']);
  });
  await stage.step('npm test in the updated child', () => stage.run(child, ['npm', 'test', '-s']));
  await stage.step('updated again, nothing changes', async () => {
    await git('add', '-A');
    await git('commit', '-q', '-m', 'chore: template');
    const said = await stage.banyan(child, ['update', '--to', stage.tarball]);
    expectThat(said.includes('Up to date'), said);
    expectThat((await git('status', '--porcelain')).trim() === '', 'the tree is clean');
  });
}
