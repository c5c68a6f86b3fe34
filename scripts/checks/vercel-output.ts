/**
 * Loads every function that `vercel build` made, as the platform would, and asks the health function for an answer.
 * `node scripts/checks/vercel-output.ts <folder with .vercel/output>`. Without an environment, 503 with a typed body is the right answer.
 */
import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const functionSchema = z.object({ handler: z.string(), maxDuration: z.number() });
const configSchema = z.object({ crons: z.array(z.object({ path: z.string() })).min(1), routes: z.array(z.unknown()).min(1) });
const answerSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) }).or(z.object({ version: z.string() }));
const handlersSchema = z.record(z.string(), z.unknown());

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

async function checkFunction(folder: string, name: string): Promise<string> {
  const config = functionSchema.parse(JSON.parse(readFileSync(join(folder, '.vc-config.json'), 'utf8')));
  const handlers = handlersSchema.parse({ ...((await import(pathToFileURL(join(folder, config.handler)).href)) as object) });
  const methods = Object.keys(handlers).filter((key) => /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|default)$/.test(key));
  if (methods.length === 0) throw new Error(`${name} exports no handler`);
  const answer = name === 'health' ? `, answers ${await askHealth(handlers['GET'])}` : '';
  return `${name}: ${methods.join(', ')}, ${(sizeOf(folder) / 1024 / 1024).toFixed(1)} MB, at most ${config.maxDuration} s${answer}`;
}

async function askHealth(handler: unknown): Promise<number> {
  if (typeof handler !== 'function') throw new Error('health has no GET');
  const response: unknown = await handler(new Request('https://banyan.example/api/health'));
  if (!(response instanceof Response)) throw new Error('health gives no Response');
  if (response.status !== 200 && response.status !== 503) throw new Error(`health answers ${response.status}`);
  answerSchema.parse(await response.json());
  return response.status;
}

async function main(): Promise<void> {
  const output = join(process.argv[2] ?? '.', '.vercel/output');
  configSchema.parse(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')));
  const published = readdirSync(join(output, 'static'));
  if (published.some((file) => /\.ts$|^package\.json$|^src$/.test(file))) throw new Error(`the sources would be published: ${published.join(', ')}`);
  const functions = readdirSync(join(output, 'functions/api')).filter((name) => name.endsWith('.func'));
  if (functions.length === 0) throw new Error('no function was built');
  for (const folder of functions) console.log(await checkFunction(join(output, 'functions/api', folder), folder.replace(/\.func$/, '')));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
