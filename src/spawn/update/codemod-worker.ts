/** The thread of `runCodemods`: whoever wrote a codemod, it runs beside the command, which ends it where it does not end. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
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
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(message);
}

async function runAll({ folder, files, root, changes, classes }: CodemodWork): Promise<void> {
  const draft = new Draft(root, changes, classes);
  const notes: CodemodNote[] = [];
  const api: CodemodFiles = {
    read: (path) => draft.read(path),
    write: (path, content) => draft.write(path, content),
    list: () => draft.list(),
    remove: (path) => draft.remove(path),
  };
  for (const file of files) {
    tell({ kind: 'begins', codemod: file });
    try {
      const codemod = await load(join(folder, file), file);
      const said = await codemod.default(api);
      notes.push({ codemod: file, title: codemod.title, notes: Array.isArray(said) ? said.map(String) : [] });
    } catch (thrown) {
      const { code, message, fix } = toBanyanError(thrown);
      tell(code === 'config_invalid' ? { kind: 'invalid', message, fix: fix ?? '' } : { kind: 'failed', codemod: file, message });
      return;
    }
  }
  tell({ kind: 'done', changes: draft.changes, notes });
}

await runAll(workerData as CodemodWork);
