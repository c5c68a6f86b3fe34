import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { BanyanError } from '../../kernel/errors.ts';
import { runCommand } from '../command.ts';
import { commandsIn, type Child } from './step.ts';

export const ENV_FILE = '.env.local';

async function textOf(folder: string): Promise<string | null> {
  return readFile(join(folder, ENV_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw unusable(error);
  });
}

function unusable(cause: NodeJS.ErrnoException): BanyanError {
  return new BanyanError('forbidden', `${ENV_FILE} cannot be read or written: ${cause.code ?? cause.message}.`, {
    fix: 'Make it a file of your own in the folder of the child, and run the step again.',
    cause,
  });
}

export async function readEnvFile(folder: string): Promise<Record<string, string | undefined>> {
  return parseEnv((await textOf(folder)) ?? '');
}

const SECRET_NAME = /(?:TOKEN|SECRET|PASSWORD|_KEY|^DATABASE_URL)$/;

/** All that a child's file holds by now, and the secrets of this shell: see `Api`. Whether the file can be read is said elsewhere. */
export function secretsOf({ folder, env }: Pick<Child, 'folder' | 'env'>): string[] {
  let text = '';
  try {
    text = readFileSync(join(folder, ENV_FILE), 'utf8');
  } catch {
    // There is none yet.
  }
  const ofShell = Object.entries(env).flatMap(([name, value]) => (SECRET_NAME.test(name) ? [value] : []));
  const values = [...Object.values(parseEnv(text)), ...ofShell].filter((value) => value !== undefined);
  // Of a connection the password alone tells as much.
  const passwords = values.flatMap((value) => /^[a-z+]+:\/\/[^:/@\s]*:([^@\s]+)@/i.exec(value)?.[1] ?? []);
  return [...values, ...passwords];
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(["'`]?)(.*)$/;

/** Lines in groups: a value in quotes may go over several. */
function groupsOf(text: string): { name: string | undefined; lines: string[] }[] {
  const lines = text.split('\n');
  const groups: { name: string | undefined; lines: string[] }[] = [];
  for (let at = 0; at < lines.length;) {
    const [, name, quote = '', rest = ''] = ASSIGNMENT.exec((lines[at] ?? '').trimEnd()) ?? [];
    const opens = name !== undefined && quote !== '' && !rest.includes(quote);
    const closing = opens ? lines.findIndex((line, index) => index > at && line.includes(quote)) : -1;
    const end = (closing === -1 ? at : closing) + 1;
    groups.push({ name, lines: lines.slice(at, end) });
    at = end;
  }
  return groups;
}

/** As `parseEnv` reads it: only double quotes know `\n`, and no quote can be escaped. */
function written(value: string): string {
  if (/^[\w./:@+-]*$/.test(value)) return value;
  if (!/["\\]/.test(value)) return `"${value.replaceAll('\n', String.raw`\n`)}"`;
  const quote = ["'", '`'].find((mark) => !value.includes(mark));
  if (quote === undefined) throw new BanyanError('config_invalid', `A value cannot be written to ${ENV_FILE}: it has every kind of quote.`);
  return `${quote}${value}${quote}`;
}

/** Sets variables in a file that only its owner may read; what else stands there stays, line by line. Values are never shown. */
export async function setInEnvFile(folder: string, values: Record<string, string>): Promise<void> {
  const path = join(folder, ENV_FILE);
  const text = (await textOf(folder)) ?? '# Secrets of this child: never committed.\n';
  const kept = groupsOf(text).flatMap(({ name, lines }) => (name !== undefined && Object.hasOwn(values, name) ? [] : lines));
  if (kept.at(-1) === '') kept.pop();
  const own = Object.entries(values).map(([name, value]) => `${name}=${written(value)}`);
  // A new file and a move: a stop in the middle leaves the old one, and nobody sees half of it or with the wrong mode.
  const next = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(next, `${[...kept, ...own].join('\n')}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(next, 0o600);
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    throw unusable(error as NodeJS.ErrnoException);
  }
}

/**
 * Before a service makes a secret that is told once: it must have a place, and one that no commit takes along.
 * @throws BanyanError `conflict`, `forbidden`
 */
export async function requirePlaceForSecrets(child: Child): Promise<void> {
  const git = (...args: string[]) => runCommand('git', args, commandsIn(child)).catch(() => ({ code: 127 }));
  const inside = (await git('rev-parse', '--is-inside-work-tree')).code === 0;
  // 1: neither a rule nor, for a file that is in the index, any rule at all.
  if (inside && (await git('check-ignore', '-q', '--', ENV_FILE)).code === 1) {
    throw new BanyanError('conflict', `${ENV_FILE} is not ignored by git: the next commit would have the secrets.`, {
      fix: `echo ${ENV_FILE} >> .gitignore (and git rm --cached ${ENV_FILE}, where it was committed), then run the step again.`,
    });
  }
  if (child.signal.aborted) return;
  await setInEnvFile(child.folder, {});
}
