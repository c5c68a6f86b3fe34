import { BanyanError } from '../../kernel/errors.ts';
import { runCommand, tailOf } from '../command.ts';
import { readEnvFile } from './env-file.ts';
import { commandsIn, type Child, type ServiceStep } from './step.ts';

async function run(child: Child): Promise<string[]> {
  const url = (await readEnvFile(child.folder))['DATABASE_URL'] || child.env['DATABASE_URL'];
  if (!url) {
    throw new BanyanError('config_invalid', '--supabase: DATABASE_URL is not set.', {
      fix: 'Make a project at https://supabase.com/dashboard and take the connection string of Connect > Session pooler, with its password.',
      data: { field: 'DATABASE_URL' },
    });
  }
  const options = commandsIn(child);
  const { code, output } = await runCommand('npx', ['--no-install', 'banyan', 'migrate'], { ...options, env: { ...options.env, DATABASE_URL: url } });
  const said = tailOf(output.replaceAll(url, 'DATABASE_URL'), 12);
  if (code !== 0)
    throw new BanyanError('database_error', `The migrations were not applied:\n${said}`, {
      fix: 'Correct it and run the step again: migrations that are applied stay applied.',
    });
  return [...said.split('\n'), 'Its URL and keys (Settings > API Keys) go into .env.local as SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and SUPABASE_SECRET_KEY.'];
}

export const supabase: ServiceStep = {
  id: 'supabase',
  title: 'Supabase',
  plan: () => [
    'apply the migrations of the package, then those of supabase/migrations, to the database of DATABASE_URL (npx banyan migrate); those that are applied already stay as they are',
  ],
  run,
};
