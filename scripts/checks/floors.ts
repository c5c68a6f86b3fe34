/** Checks that every file imports from lower floors only (docs/architecture.md, section 1). Cycles are the linter's (`import/no-cycle`). */
import { fileURLToPath } from 'node:url';
import { posix } from 'node:path';
import { importsOf, isTest, listSources, type SourceFile } from './sources.ts';

/** Ground first. Rooms on one floor do not import each other. Where two floors share a line of the architecture, the order here is the finer one. */
const FLOORS: string[][] = [
  ['kernel'],
  ['domain'],
  ['config'],
  ['store', 'github', 'llm', 'sandbox', 'notify'],
  ['context'],
  ['tools'],
  ['engine'],
  ['agents', 'watch', 'doctor', 'rest', 'mcp', 'chat', 'dashboard', 'spawn'],
  ['app'],
  ['functions'],
  ['index'],
  ['api', 'local'],
  ['testing'],
  ['scripts'],
];

export interface Violation {
  from: string;
  to: string;
  reason: string;
}

/** `src/store/x.ts` is in `store`, `src/app.ts` in `app`, `scripts/x.ts` in `scripts`. */
function roomOf(path: string): string {
  const parts = path.split('/');
  const room = parts[0] === 'src' ? parts[1] : parts[0];
  return (room ?? '').replace(/\.ts$/, '');
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function judge(from: string, to: string): string | undefined {
  const [own, other] = [roomOf(from), roomOf(to)];
  if (own === other) return undefined;
  if (floorOf(own) < 0) return `the room "${own}" has no floor`;
  if (floorOf(other) < 0) return `the room "${other}" has no floor`;
  if (floorOf(other) === floorOf(own)) return `"${own}" and "${other}" are rooms of one floor`;
  return floorOf(other) > floorOf(own) ? `"${other}" lies above "${own}"` : undefined;
}

export function findViolations(files: SourceFile[]): Violation[] {
  return files
    .filter((file) => !isTest(file.path))
    .flatMap((file) => {
      const targets = importsOf(file).filter((specifier) => specifier.startsWith('.'));
      return targets.map((specifier) => ({ from: file.path, to: posix.join(posix.dirname(file.path), specifier) }));
    })
    .flatMap(({ from, to }) => {
      const reason = judge(from, to);
      return reason ? [{ from, to, reason }] : [];
    });
}

function main(): void {
  const files = listSources(fileURLToPath(new URL('../../', import.meta.url)), ['src', 'api', 'scripts']);
  const violations = findViolations(files);
  for (const { from, to, reason } of violations) console.error(`${from} imports ${to}: ${reason}`);
  console.log(`floors: ${files.length} files, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
