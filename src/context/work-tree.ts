import { BanyanError } from '../kernel/errors.ts';
import type { Sandbox, SandboxFile } from '../sandbox/types.ts';
import { inCommands, quote } from './shell.ts';
import type { FileMode, SnapshotFile } from './snapshot.ts';

/** A path that differs from the base in the sandbox's work folder; `mode` null where it was deleted. `sha` is git's name of the content. */
export interface TreeEntry {
  path: string;
  mode: string | null;
  sha: string;
}

/** The repository's files inside a sandbox, and git's eye on what commands do to them. */
export interface WorkTree {
  /** Puts files in (null: takes them out) and has git watch them even where .gitignore would not. */
  sync(files: ReadonlyMap<string, SnapshotFile | null>): Promise<void>;
  /** Everything that differs from the base now; null where git is not there or no longer works. */
  changed(): Promise<TreeEntry[] | null>;
  /** Targets of symlinks by the sha of their blobs. */
  linkTargets(shas: readonly string[]): Promise<string[]>;
}

/**
 * Git's folder lies outside of the work folder and knows no configuration, hooks, filters or line-ending rules but these: what the
 * repository brings of that kind (.git, .gitattributes) is without effect. Whatever a command does to it stays inside the sandbox.
 */
const GIT = [
  'export GIT_DIR="$HOME/.banyan-base.git" GIT_WORK_TREE="$PWD" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_OPTIONAL_LOCKS=0',
  'export GIT_LITERAL_PATHSPECS=1',
].join('; ');

/** What commands leave behind and nobody wants in a commit, also where no .gitignore says so. Files that the repository has stay its own. */
const LEFTOVERS = [
  '.git',
  'node_modules/',
  '.npm/',
  '.nyc_output/',
  '__pycache__/',
  '*.py[co]',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '.venv/',
  '*.egg-info/',
  '.DS_Store',
  'coverage/',
];

/** Cargo builds into target/; elsewhere a folder of that name can be anything. */
function leftoversOf(base: readonly SnapshotFile[]): string[] {
  const isCargo = base.some(({ path }) => path === 'Cargo.toml' || path.endsWith('/Cargo.toml'));
  return isCargo ? [...LEFTOVERS, 'target/'] : LEFTOVERS;
}

function initScript(base: readonly SnapshotFile[]): string {
  return [
    'command -v git >/dev/null || exit 42',
    'git init -q --template= "$GIT_DIR" >/dev/null 2>&1 || exit 1',
    'git config core.excludesFile /dev/null && git config gc.auto 0 && git config core.fileMode true && mkdir -p "$GIT_DIR/info"',
    'printf \'* -text -filter -ident -working-tree-encoding -eol\\n\' > "$GIT_DIR/info/attributes"',
    `printf '${leftoversOf(base).join('\\n')}\\n' > "$GIT_DIR/info/exclude"`,
    'git add -A -f . >/dev/null 2>&1; git write-tree',
  ].join('\n');
}

const NO_GIT = 42;
const SCRIPT_SECONDS = 120;
const LIST_BYTES = 4 * 1024 * 1024;

function toSandboxFile(file: SnapshotFile): SandboxFile {
  return { path: file.path, content: file.content, mode: file.mode === '100755' ? 0o755 : 0o644 };
}

function linkCommands(files: readonly SnapshotFile[]): string[] {
  return files.map(({ path, content }) => {
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    return `mkdir -p -- ${quote(parent)}; ln -sfn -- ${quote(Buffer.from(content).toString('utf8'))} ${quote(path)}`;
  });
}

/** `:<mode> <mode> <sha> <sha> <status>\0<path>\0`, again and again. */
export function parseRawDiff(output: string): TreeEntry[] {
  const fields = output.split('\0');
  const entries: TreeEntry[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [, mode = '', , sha = ''] = (fields[index] ?? '').split(' ');
    entries.push({ path: fields[index + 1] ?? '', mode: mode === '000000' ? null : mode, sha });
  }
  return entries;
}

async function script(sandbox: Sandbox, lines: string, maxOutputBytes = LIST_BYTES) {
  return sandbox.run({ command: `${GIT}\n${lines}`, timeoutSeconds: SCRIPT_SECONDS, maxOutputBytes });
}

function isLink(file: SnapshotFile | null): file is SnapshotFile {
  return file?.mode === ('120000' satisfies FileMode);
}

/** Unpacks the base into a fresh sandbox. */
export async function openWorkTree(sandbox: Sandbox, base: Iterable<SnapshotFile>): Promise<WorkTree> {
  const files = [...base];
  const links = files.filter(isLink);
  await sandbox.writeFiles(files.filter((file) => !isLink(file)).map(toSandboxFile));
  const linkScripts = inCommands(linkCommands(links).map((command) => `${command};`));
  for (const commands of linkScripts) await script(sandbox, commands);
  const opened = await script(sandbox, initScript(files));
  const hasGit = opened.exitCode !== NO_GIT;
  const tree = opened.output.trim();
  if (hasGit && !/^[0-9a-f]{40,64}$/.test(tree)) {
    throw new BanyanError('sandbox_failed', `The repository could not be laid out in the sandbox: ${tree.slice(-300)}`, { retry: 'transient' });
  }

  return {
    async sync(changes) {
      const present = [...changes.values()].filter((file) => file !== null);
      const paths = [...changes.keys()].map(quote);
      const gone = [...changes].filter(([, file]) => file === null || isLink(file)).map(([path]) => quote(path));
      for (const list of inCommands(gone)) await script(sandbox, `rm -rf -- ${list}`);
      await sandbox.writeFiles(present.filter((file) => !isLink(file)).map(toSandboxFile));
      const watch = hasGit ? inCommands(paths).map((list) => `git add -A -f --ignore-errors -- ${list} >/dev/null 2>&1; true`) : [];
      const lines = [...inCommands(linkCommands(present.filter(isLink)).map((command) => `${command};`)), ...watch];
      for (const line of lines) await script(sandbox, line);
    },

    async changed() {
      if (!hasGit) return null;
      const list = `rm -f "$GIT_DIR/index.lock"; git add -A --ignore-errors . >/dev/null 2>&1; git diff-index --cached --raw -z --abbrev=40 --no-renames ${tree} 2>/dev/null`;
      const result = await script(sandbox, list);
      return result.exitCode === 0 && !result.truncated ? parseRawDiff(result.output) : null;
    },

    async linkTargets(shas) {
      const targets: string[] = [];
      for (const list of inCommands(shas)) {
        const result = await script(sandbox, `for sha in ${list}; do git cat-file blob "$sha"; printf '\\0'; done`);
        targets.push(...result.output.split('\0').slice(0, -1));
      }
      return targets;
    },
  };
}
