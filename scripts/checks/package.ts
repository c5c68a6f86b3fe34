/**
 * What would be published, looked at as whoever installs it: the tarball's content, its exports (publint, attw), and an empty project that installs it,
 * imports every export, type-checks against it and runs its command.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { z } from 'zod';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { contentProblems, filesOf } from './package-content.ts';

const ROOT = packageRoot();
const MAX_PACKED_KB = 1_200;

interface Finished {
  status: number | null;
  output: string;
}

function run(command: string, args: readonly string[], cwd: string): Finished {
  // The Node of the lock file, also for what the command starts.
  const path = [dirname(process.execPath), join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const env = { ...process.env, PATH: path, NO_COLOR: '1', npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };
  const { status, stdout, stderr } = spawnSync(command, [...args], { cwd, encoding: 'utf8', env, timeout: 240_000 });
  return { status, output: `${stdout}${stderr}`.trim() };
}

function expectRun(command: string, args: readonly string[], cwd: string): string {
  const { status, output } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${output}`);
  return output;
}

const packSchema = z.tuple([z.object({ filename: z.string(), size: z.number(), unpackedSize: z.number(), files: z.array(z.object({ path: z.string() })) })]);

/** @returns the tarball */
function pack(folder: string): string {
  expectRun('npm', ['run', '-s', 'build'], ROOT);
  const json = expectRun('npm', ['pack', '--ignore-scripts', '--json', '--loglevel=silent', '--pack-destination', folder], ROOT);
  const [packed] = packSchema.parse(JSON.parse(json.slice(json.indexOf('['))));
  const kilobytes = packed.size / 1024;
  console.log(`package: ${packed.files.length} files, ${kilobytes.toFixed(0)} kB packed, ${(packed.unpackedSize / 1024).toFixed(0)} kB unpacked`);
  const problems = contentProblems(
    packed.files.map(({ path }) => path),
    filesOf(ROOT),
  );
  if (kilobytes > MAX_PACKED_KB) problems.push(`the package has ${kilobytes.toFixed(0)} kB, the limit is ${MAX_PACKED_KB}`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return join(folder, packed.filename);
}

async function lintExports(tarball: string): Promise<void> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) }, strict: true });
  // A package that is not on a registry yet names no place to look at its sources.
  if (messages.length > 0) throw new Error(messages.map((message) => `publint: ${formatMessage(message, pkg)}`).join('\n'));
  // Only `import` is promised: the package is ESM, as its engines can require it anyway.
  expectRun('attw', [tarball, '--profile', 'esm-only', '--format', 'ascii', '--entrypoints', '.', 'testing', 'api/webhook', 'api/health', 'api/metrics'], ROOT);
  console.log('exports: publint and attw have nothing to say');
}

const EXPORTS = ['banyan', 'banyan/testing', 'banyan/api/webhook', 'banyan/api/health', 'banyan/api/metrics'];

const CONSUMER = `import { BanyanError, DeveloperAgent, createFunctions, defineConfig } from 'banyan';
import type { Handler, PromptContext } from 'banyan';
import { GET } from 'banyan/api/health';
import { agentContract, promptOf } from 'banyan/testing';

class Shop extends DeveloperAgent {
  override getDomainContext(): string {
    return 'Stock is reserved before payment.';
  }
  override customizePrompt(prompt: string, _context: PromptContext): string {
    return prompt;
  }
}
const agent = new Shop();
export const { worker, cron } = createFunctions(defineConfig({ domain: { name: 'shop' }, agents: [agent] }));
export const health: Handler = GET;
export const said: Promise<string> = promptOf(agent);
export const names: string[] = agentContract(agent).map(({ name }) => name);
// @ts-expect-error a field that is not known is one of the types too
export const wrong = () => defineConfig({ budget: 5 });
export const isOurs = (thrown: unknown): boolean => thrown instanceof BanyanError;
`;

function typeCheck(folder: string, resolution: { module: string; moduleResolution: string }): void {
  const compilerOptions = {
    target: 'ES2023',
    lib: ['ES2024', 'DOM'],
    ...resolution,
    strict: true,
    noImplicitOverride: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(ROOT, 'node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['consumer.ts'] }));
  expectRun('tsc', ['-p', '.'], folder);
}

/** Production dependencies alone: what only the local stack and tests need must not be needed here. */
function installAndUse(tarball: string, folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies: { banyan: `file:${tarball}` } }));
  const began = Date.now();
  expectRun('npm', ['install', '--omit=optional', '--ignore-scripts', '--prefer-offline', '--loglevel=error'], folder);
  console.log(`install: ${((Date.now() - began) / 1000).toFixed(0)} s`);
  const script = EXPORTS.map((name) => `if (Object.keys(await import('${name}')).length === 0) throw new Error('${name} exports nothing');`).join('\n');
  writeFileSync(join(folder, 'import.mjs'), script);
  expectRun(process.execPath, ['import.mjs'], folder);
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  typeCheck(folder, { module: 'NodeNext', moduleResolution: 'NodeNext' });
  typeCheck(folder, { module: 'ESNext', moduleResolution: 'Bundler' });
  console.log(`use: ${EXPORTS.length} exports are imported, a consumer type-checks`);
  runCommand(folder);
}

function runCommand(folder: string): void {
  const banyan = join(folder, 'node_modules/.bin/banyan');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  if (expectRun(banyan, ['--version'], folder) !== version) throw new Error('banyan --version says another version');
  if (!expectRun(banyan, ['--help'], folder).includes('  start ')) throw new Error('banyan --help does not name its commands');
  const start = run(banyan, ['start'], folder);
  if (start.status !== 1 || !start.output.includes('npm install --save-dev')) throw new Error(`banyan start does not say what to install:\n${start.output}`);
  console.log('command: --version, --help, and what start asks for');
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'banyan-package-'));
  try {
    const tarball = pack(folder);
    await lintExports(tarball);
    installAndUse(tarball, join(folder, 'consumer'));
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
