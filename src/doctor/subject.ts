import { environmentProblems, readEnvironment } from '../config/environment.ts';
import type { Environment } from '../config/environment.ts';
import type { Source } from '../config/intake-environment.ts';
import { createAppInspection } from '../github/inspection.ts';
import { readAllMigrations } from '../store/migrate.ts';
import type { Subject } from './types.ts';

/** In the place of a variable that is missing or wrong: fits its form and leads nowhere. Checks that need it are not made. */
const HARMLESS: Record<string, string> = {
  GITHUB_WEBHOOK_SECRET: 'not-set',
  GITHUB_APP_ID: '1',
  GITHUB_APP_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----',
  SUPABASE_URL: 'http://127.0.0.1:1',
  SUPABASE_SECRET_KEY: 'not-set',
  SUPABASE_PUBLISHABLE_KEY: 'not-set',
  CRON_SECRET: 'not-set-not-set-not-set',
};

export interface SubjectOptions {
  source: Source;
  /** In the place of the address that the environment says. */
  url?: string | undefined;
  local: boolean;
  parts: (environment: Environment) => ReturnType<Subject['parts']>;
  /** The folders of the code's migrations: the package's, then the project's own. */
  migrations: readonly string[];
  node: Subject['node'];
  now?: () => number;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** An installation to look at, of which nothing is asked yet. Never throws: what is wrong with the variables is for a check to tell. */
export function createSubject({ source, url, local, parts, migrations, node, now = Date.now }: SubjectOptions): Subject {
  const problems = environmentProblems(source);
  const mended = Object.fromEntries(problems.map(({ name }) => [name, HARMLESS[name]]));
  const environment = readEnvironment({ ...source, ...mended });
  const built = once(() => parts(environment));
  const address = url ?? environment.url;
  return {
    source,
    problems,
    environment,
    url: address === undefined || !URL.canParse(address) ? undefined : address.replace(/\/+$/, ''),
    local,
    app: createAppInspection(environment.github),
    parts: built,
    inspect: once(async () => {
      const { store } = await built();
      const before = Date.now();
      const inspection = await store.inspect();
      return { ...inspection, askedAt: (before + Date.now()) / 2 };
    }),
    migrations: once(() => readAllMigrations(migrations)),
    node,
    now,
  };
}
