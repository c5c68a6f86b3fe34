/** Prints the table of sizes; fails only where a limit that nothing may pass is passed. */
import { fileURLToPath } from 'node:url';
import { isTest, listSources, parseProgram, type SourceFile } from './sources.ts';

export interface FunctionSize {
  path: string;
  line: number;
  lines: number;
  nesting: number;
  parameters: number;
}

interface Node {
  type: string;
  start: number;
  end: number;
  params?: unknown[];
  [key: string]: unknown;
}

const LIMITS = { file: 400, function: 100 };
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const NESTING = new Set([
  'IfStatement',
  'ForStatement',
  'ForOfStatement',
  'ForInStatement',
  'WhileStatement',
  'DoWhileStatement',
  'SwitchStatement',
  'TryStatement',
]);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}

function childrenOf(node: Node): [string, Node][] {
  return Object.entries(node).flatMap(([key, value]): [string, Node][] =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child): [string, Node] => [key, child]),
  );
}

/** The deepest nesting below a node of one function; functions inside count for themselves, `else if` is no deeper. */
function nestingBelow(node: Node): number {
  const depths = childrenOf(node)
    .filter(([, child]) => !FUNCTIONS.has(child.type))
    .map(([key, child]) => {
      const own = NESTING.has(child.type) && !(key === 'alternate' && node.type === 'IfStatement') ? 1 : 0;
      return own + nestingBelow(child);
    });
  return Math.max(0, ...depths);
}

function functionsBelow(node: Node): Node[] {
  return childrenOf(node).flatMap(([, child]) => [...(FUNCTIONS.has(child.type) ? [child] : []), ...functionsBelow(child)]);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

export function measureFunctions(file: SourceFile): FunctionSize[] {
  const program: unknown = parseProgram(file);
  if (!isNode(program)) return [];
  return functionsBelow(program).map((node) => {
    const line = lineAt(file.text, node.start);
    const lines = lineAt(file.text, node.end) - line + 1;
    return { path: file.path, line, lines, nesting: nestingBelow(node), parameters: node.params?.length ?? 0 };
  });
}

function lineCount(file: SourceFile): number {
  return file.text.split('\n').length - 1;
}

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function row(name: string, values: number[], guide: string): string {
  const cells = [quantile(values, 0.5), quantile(values, 0.9), Math.max(0, ...values)].map((value) => String(value).padStart(7));
  return `${name.padEnd(22)}${cells.join('')}   ${guide}`;
}

export function findOversized(files: SourceFile[], functions: FunctionSize[]): string[] {
  const large = files.filter((file) => lineCount(file) > LIMITS.file).map((file) => `${file.path}: ${lineCount(file)} lines, the limit is ${LIMITS.file}`);
  const long = functions
    .filter((measured) => measured.lines > LIMITS.function)
    .map((measured) => `${measured.path}:${measured.line}: a function of ${measured.lines} lines, the limit is ${LIMITS.function}`);
  return [...large, ...long];
}

function report(sources: SourceFile[], tests: SourceFile[]): string[] {
  const functions = sources.flatMap(measureFunctions);
  const total = (files: SourceFile[]) => files.reduce((sum, file) => sum + lineCount(file), 0);
  const over = (name: 'nesting' | 'parameters') => functions.filter((measured) => measured[name] > 3);
  const oversized = findOversized(sources, functions);
  console.log(
    [
      `${''.padEnd(22)} median     90%    max   guide (median, 90 %, max)`,
      row('lines of a file', sources.map(lineCount), '90, 220, 400'),
      row(
        'lines of a function',
        functions.map((measured) => measured.lines),
        '12, 35, 100',
      ),
      row(
        'nesting',
        functions.map((measured) => measured.nesting),
        '-, -, 3',
      ),
      row(
        'parameters',
        functions.map((measured) => measured.parameters),
        '-, -, 3',
      ),
      `source ${total(sources)} lines in ${sources.length} files, tests ${total(tests)} lines in ${tests.length} files, ratio ${(total(tests) / Math.max(1, total(sources))).toFixed(2)}`,
      ...over('nesting').map((measured) => `note: ${measured.path}:${measured.line} nests ${measured.nesting} deep`),
      ...over('parameters').map((measured) => `note: ${measured.path}:${measured.line} has ${measured.parameters} parameters`),
    ].join('\n'),
  );
  return oversized;
}

function main(): void {
  const files = listSources(fileURLToPath(new URL('../../', import.meta.url)), ['src', 'api', 'scripts', 'test']);
  const oversized = report(
    files.filter((file) => !isTest(file.path)),
    files.filter((file) => isTest(file.path)),
  );
  for (const problem of oversized) console.error(problem);
  if (oversized.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
