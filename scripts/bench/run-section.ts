/** One section in this process, which the benchmark starts for it (`apart`): what others leave in memory is no part of its figures. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './postgres.ts';
import type { BenchOptions, BenchSection } from './section.ts';
import { SECTIONS } from './sections.ts';

interface Given extends Pick<BenchOptions, 'rounds' | 'quick'> {
  name: string;
}

/** Runs a section in a process of its own, on the server of `url` (a superuser). @throws where it fails; what was wrong is on stderr */
export async function runApart(given: Given, url: string): Promise<BenchSection> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, DATABASE_URL: url }, serialization: 'advanced' });
  let section: BenchSection | undefined;
  child.on('message', (message) => (section = message as BenchSection));
  // The end of the process is told before the last of what it sent is read.
  const read = once(child, 'disconnect');
  child.send(given);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  await read;
  if (code === 0 && section) return section;
  throw new Error(`the section ${given.name} ended with ${code ?? signal}`);
}

async function answer({ name, rounds, quick }: Given): Promise<void> {
  const run = SECTIONS[name];
  if (!run) throw new Error(`there is no section ${name}`);
  const postgres = await startPostgres();
  try {
    const section = await run({ rounds, quick, postgres, say: (line) => console.error(line) });
    await new Promise<void>((resolve, reject) => process.send?.(section, (error: Error | null) => (error ? reject(error) : resolve())));
  } finally {
    await postgres.stop();
  }
}

if (import.meta.main) {
  process.once('message', (given: Given) => {
    answer(given)
      .catch((error: unknown) => {
        console.error(error);
        process.exitCode = 1;
      })
      .finally(() => process.disconnect());
  });
}
