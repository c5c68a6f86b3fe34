import { readFileSync } from 'node:fs';
import { parseArgs, parseEnv } from 'node:util';
import { createEngineParts } from '../../src/app.ts';
import { CHECKS } from '../../src/doctor/checks.ts';
import { examine } from '../../src/doctor/examine.ts';
import { jsonOf, lineOf, summaryOf } from '../../src/doctor/report.ts';
import { createSubject } from '../../src/doctor/subject.ts';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { packageFile } from '../../src/kernel/package-root.ts';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { loadInstance } from '../../src/local/instance.ts';
import { findProject, migrationFolders } from '../../src/local/project.ts';
import { appEnvironment } from '../../src/local/stack/environment.ts';
import { findRunningStack } from './running-stack.ts';

type Source = Record<string, string | undefined>;

/** The variables that a process was started with, where the system shows them to its owner. */
function environmentOf(pid: number): Source | undefined {
  try {
    return Object.fromEntries(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter((line) => line.includes('='))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  } catch {
    return undefined;
  }
}

/** What the functions of the running stack were given; where that cannot be seen, what they would be given here. */
async function localSource(env: Source): Promise<Source> {
  const { app, keys, cronSecret, urls, pids } = await findRunningStack(env);
  const own = { ...env, ...environmentOf(pids.app) };
  return appEnvironment(own, { secrets: { app, keys, cronSecret }, urls });
}

function readEnvFile(path: string): Source {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new BanyanError('not_found', `The file ${path} cannot be read.`, {
      fix: 'Name the file with the variables of the deployment: --variables .env',
      cause,
    });
  }
}

/** A shell that has one of these is set up for a deployment. */
const SIGNS = ['GITHUB_APP_ID', 'SUPABASE_URL', 'CRON_SECRET'];

const OPTIONS = {
  url: { type: 'string' },
  'env-file': { type: 'string' },
  variables: { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
} as const;

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan doctor --help`.', cause });
  }
}

async function sourceOf(env: Source, values: ReturnType<typeof readOptions>): Promise<{ source: Source; local: boolean }> {
  const dataDir = values['data-dir'];
  if (dataDir !== undefined) return { source: await localSource({ ...env, BANYAN_DATA_DIR: dataDir }), local: true };
  // Node takes `--env-file` for itself as well, wherever it stands, and ends where there is no such file.
  const file = values.variables ?? values['env-file'];
  if (file !== undefined) return { source: { ...env, ...readEnvFile(file) }, local: false };
  if (values.url !== undefined || SIGNS.some((name) => env[name])) return { source: env, local: false };
  return { source: await localSource(env), local: true };
}

/** Looks at a deployment, or at the local stack, and prints what each check came to. Fails where one did. */
export async function doctor(env: Source, args: readonly string[]): Promise<void> {
  const values = readOptions(args);
  if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new BanyanError('config_invalid', '--url is no address.', { fix: 'Give the whole of it: --url https://banyan.example.com' });
  }
  const { source, local } = await sourceOf(env, values);
  // A deployment is looked at from anywhere; in its project, with its configuration.
  const project = findProject();
  const config = project === undefined ? null : await loadInstance(project);
  const { engines } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { engines: { node: string } };
  const subject = createSubject({
    source,
    url: values.url,
    local,
    // Its log would go between the lines of the report.
    parts: (environment) => createEngineParts({ ...environment, logLevel: 'silent' }, config ?? undefined),
    migrations: project === undefined ? [packageFile('supabase/migrations')] : migrationFolders(project),
    node: { version: process.version, engines: engines.node },
  });
  const results = await examine(CHECKS, subject, (result) => {
    if (!values.json) console.log(lineOf(result));
  });
  console.log(values.json ? jsonOf(results, { url: subject.url, version: VERSION }) : `\n${summaryOf(results)}`);
  if (results.some(({ status }) => status === 'fail')) process.exitCode = 1;
  const parts = await subject.parts().catch(() => null);
  await parts?.store.close();
  // Whatever else was asked and never answered must not keep the command: everything is told.
  process.stdout.write('', () => process.exit());
}
