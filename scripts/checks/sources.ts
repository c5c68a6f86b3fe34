import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { parseSync, type Program } from 'oxc-parser';

export interface SourceFile {
  /** From the root of the project, with slashes. */
  path: string;
  text: string;
}

/** The TypeScript below the folders given, in the order of their paths; what generators wrote is left out. */
export function listSources(root: string, folders: string[]): SourceFile[] {
  return folders
    .flatMap((folder) => walk(join(root, folder)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts') && !file.endsWith('.d.ts'))
    .toSorted()
    .map((file) => ({ path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }));
}

function walk(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts');
}

/** @throws Error naming the file and the first syntax error. */
export function parseProgram(file: SourceFile): Program {
  const result = parseSync(file.path, file.text);
  const [first] = result.errors;
  if (first) throw new Error(`${file.path}: ${first.message}`);
  return result.program;
}

/** Every module that a file names: imports, re-exports, types only or not, and `import()` of a constant. */
export function importsOf(file: SourceFile): string[] {
  const { module, errors } = parseSync(file.path, file.text);
  const [first] = errors;
  if (first) throw new Error(`${file.path}: ${first.message}`);
  const named = module.staticImports.map((statement) => statement.moduleRequest.value);
  const passedOn = module.staticExports.flatMap((statement) => statement.entries.map((entry) => entry.moduleRequest?.value));
  const dynamic = module.dynamicImports.map((call) => /^['"`]([^'"`$]+)['"`]$/.exec(file.text.slice(call.moduleRequest.start, call.moduleRequest.end))?.[1]);
  return [...new Set([...named, ...passedOn, ...dynamic].filter((specifier) => specifier !== undefined && specifier !== null))];
}
