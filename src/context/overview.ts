import type { RepositorySnapshot } from './snapshot.ts';
import { detectCommands, isTestFile } from './test-files.ts';

const DEFAULT_MAX_CHARS = 6_000;
const MAX_DEPTH = 3;
const MAX_PER_FOLDER = 30;

interface Folder {
  folders: Map<string, Folder>;
  files: string[];
  /** Of all files below. */
  count: number;
}

function emptyFolder(): Folder {
  return { folders: new Map(), files: [], count: 0 };
}

function treeOf(paths: Iterable<string>): Folder {
  const root = emptyFolder();
  for (const path of paths) {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let folder = root;
    folder.count += 1;
    for (const part of parts) {
      const next = folder.folders.get(part) ?? emptyFolder();
      folder.folders.set(part, next);
      folder = next;
      folder.count += 1;
    }
    folder.files.push(name);
  }
  return root;
}

function linesOf(folder: Folder, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const folders = [...folder.folders].toSorted(([a], [b]) => a.localeCompare(b));
  const shown = folders.slice(0, MAX_PER_FOLDER).flatMap(([name, child]) => {
    const head = `${indent}${name}/`;
    return depth + 1 >= MAX_DEPTH ? [`${head} (${child.count} files)`] : [head, ...linesOf(child, depth + 1)];
  });
  const files = [...folder.files]
    .toSorted()
    .slice(0, MAX_PER_FOLDER)
    .map((name) => indent + name);
  const hidden = Math.max(folders.length - MAX_PER_FOLDER, 0) + Math.max(folder.files.length - MAX_PER_FOLDER, 0);
  return [...shown, ...files, ...(hidden > 0 ? [`${indent}... ${hidden} more`] : [])];
}

function readmeOf(snapshot: RepositorySnapshot): string {
  const path = [...snapshot.files.keys()].find((candidate) => /^readme(\.(md|txt|rst))?$/i.test(candidate));
  const file = path === undefined ? undefined : snapshot.files.get(path);
  return file && file.mode !== '120000' ? Buffer.from(file.content).toString('utf8').trim() : '';
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, Math.max(maxChars - 6, 0))}\n[...]`;
}

/**
 * A short picture of a repository for a prompt: size, commands, tree, beginning of the README. Never longer than `maxChars`.
 * File names and README are a stranger's text: whoever puts this into a prompt marks it as such.
 */
export function repositoryOverview(snapshot: RepositorySnapshot, maxChars = DEFAULT_MAX_CHARS): string {
  const paths = [...snapshot.files.keys()];
  const commands = Object.entries(detectCommands(snapshot)).map(([name, command]) => `  ${name}: ${command}`);
  const facts = [
    `${paths.length} files, ${paths.filter(isTestFile).length} of them tests.`,
    commands.length > 0 ? `Commands found:\n${commands.join('\n')}` : 'No commands for testing or building were found.',
  ].join('\n');
  const tree = cut(linesOf(treeOf(paths), 0).join('\n'), Math.floor(maxChars * 0.55));
  const readme = readmeOf(snapshot);
  const parts = [facts, `Files:\n${tree}`];
  const room = maxChars - parts.join('\n\n').length - 'README:\n'.length - 4;
  if (readme !== '' && room > 100) parts.push(`README:\n${cut(readme, room)}`);
  return cut(parts.join('\n\n'), maxChars);
}
