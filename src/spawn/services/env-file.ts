import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

export const ENV_FILE = '.env.local';

export async function readEnvFile(folder: string): Promise<Record<string, string | undefined>> {
  const text = await readFile(join(folder, ENV_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return parseEnv(text);
}

/** Sets variables in a file that only its owner may read; what else stands there stays, line by line. Values are never shown. */
export async function setInEnvFile(folder: string, values: Record<string, string>): Promise<void> {
  const path = join(folder, ENV_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '# Secrets of this child: never committed.\n';
    throw error;
  });
  const kept = text.split('\n').filter((line) => !Object.keys(values).some((name) => line.startsWith(`${name}=`)));
  const own = Object.entries(values).map(([name, value]) => `${name}=${/^[\w./:@+-]*$/.test(value) ? value : `"${value.replaceAll('\n', String.raw`\n`)}"`}`);
  // A new file and a move: a stop in the middle leaves the old one, and nobody sees half of it or with the wrong mode.
  const next = `${path}.${process.pid}`;
  await writeFile(next, `${[...kept.filter((line, index) => line !== '' || index < kept.length - 1), ...own].join('\n')}\n`, { mode: 0o600 });
  await chmod(next, 0o600);
  await rename(next, path);
}
