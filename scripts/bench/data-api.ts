import { mkdtemp, rm } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimPort } from '../../src/local/stack/ports.ts';
import { keepSecrets, writePrivate } from '../../src/local/stack/secrets.ts';
import { startService } from '../../src/local/stack/service.ts';
import { passThrough } from '../../src/local/stack/settings.ts';
import { MIGRATIONS } from './postgres.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const STOP_MS = 2_000;

export interface DataApi {
  supabase: { url: string; secretKey: string };
  pid: number;
  stop(): Promise<void>;
}

/** The embedded Supabase in a process of its own, as `npm start` has it. */
export async function startDataApi(): Promise<DataApi> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-supabase-'));
  const { keys } = keepSecrets(folder);
  const port = await claimPort(0, { what: 'the embedded Supabase', variable: '' });
  const dataDir = join(folder, 'supabase');
  mkdirSync(dataDir);
  const settings = join(folder, 'supabase.json');
  writePrivate(settings, { port, dataDir, migrations: [MIGRATIONS], keys });
  let pid = 0;
  const service = await startService(
    {
      name: 'supabase',
      entry: join(ROOT, 'src/local/supabase/main.ts'),
      args: [settings],
      env: { ...passThrough(process.env), DO_NOT_TRACK: '1' },
      cwd: ROOT,
      logFile: join(folder, 'supabase.log'),
      showStderr: false,
    },
    { onProcess: (started) => (pid = started), onNote: (line) => console.error(line) },
  );
  return {
    supabase: { url: `http://127.0.0.1:${port}`, secretKey: keys.secret },
    pid,
    async stop() {
      await service.stop(STOP_MS);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
