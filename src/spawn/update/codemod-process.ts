/** The process of `runCodemods`: whoever wrote a codemod, it runs beside the command, which ends it where it does not end. No package is loaded here. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BanyanError, toBanyanError } from '../../kernel/errors.ts';
import type { CodemodFiles, CodemodMessage, CodemodNote, CodemodWork } from './codemods.ts';
import { Draft } from './draft.ts';

interface CodemodModule {
  title: string;
  default(files: CodemodFiles): unknown;
}

function isCodemod(module: unknown): module is CodemodModule {
  const { title, default: run } = module as Partial<CodemodModule>;
  return typeof title === 'string' && typeof run === 'function';
}

async function load(path: string, file: string): Promise<CodemodModule> {
  const module: unknown = await import(pathToFileURL(path).href);
  if (isCodemod(module)) return module;
  throw new BanyanError('config_invalid', `codemods/${file} exports no title and no function.`, { fix: 'See docs/children.md, "Update".' });
}

function tell(message: CodemodMessage): void {
  process.send?.(message);
}

function requireText(path: string, content: unknown): asserts content is string {
  if (typeof content !== 'string') throw new TypeError(`what it writes to "${path}" is no text.`);
}

async function runAll({ folder, files, root, changes, classes }: CodemodWork): Promise<void> {
  const draft = new Draft(root, changes, new Map(classes));
  const touched = new Set<string>();
  const notes: CodemodNote[] = [];
  const api: CodemodFiles = {
    read: (path) => draft.read(path),
    write(path, content) {
      requireText(path, content);
      draft.write(path, content);
      touched.add(path);
    },
    list: () => draft.list(),
    remove(path) {
      draft.remove(path);
      touched.add(path);
    },
  };
  for (const file of files) {
    tell({ kind: 'begins', codemod: file });
    const failed = (message: string) => tell({ kind: 'failed', codemod: file, message });
    // What it has left for later may fail later.
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => failed(error.message));
    try {
      const codemod = await load(join(folder, file), file);
      const said = await codemod.default(api);
      notes.push({ codemod: file, title: codemod.title, notes: Array.isArray(said) ? said.map(String) : [] });
    } catch (thrown) {
      const { code, message, fix } = toBanyanError(thrown);
      if (code === 'config_invalid') tell({ kind: 'invalid', message, fix: fix ?? '' });
      else failed(message);
      return;
    }
  }
  tell({ kind: 'done', writes: [...touched].map((path) => ({ path, content: draft.read(path) })), notes });
}

process.once('message', (work) => {
  // The command is gone.
  process.on('disconnect', () => process.exit());
  // Where nothing is under way any more it ends, whatever a codemod still waits for.
  process.channel?.unref();
  void runAll(work as CodemodWork);
});
