import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';

const OPTIONS = {
  domain: { type: 'string' },
  agents: { type: 'string', multiple: true },
  owner: { type: 'string' },
  description: { type: 'string' },
  schedule: { type: 'string' },
  effort: { type: 'string' },
  data: { type: 'string' },
  banyan: { type: 'string' },
  dir: { type: 'string' },
  url: { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
  into: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  'no-install': { type: 'boolean' },
  'no-git': { type: 'boolean' },
  'nested-git': { type: 'boolean' },
  'no-test': { type: 'boolean' },
  json: { type: 'boolean' },
  github: { type: 'boolean' },
  app: { type: 'boolean' },
  vercel: { type: 'boolean' },
  supabase: { type: 'boolean' },
} as const;

export type SpawnOptions = ReturnType<typeof parse>['values'] & { name: string | undefined };

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

/** @throws BanyanError `config_invalid` for an option that there is not */
export function readOptions(args: readonly string[]): SpawnOptions {
  const { values, positionals } = (() => {
    try {
      return parse(args);
    } catch (cause) {
      throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan spawn --help`.', cause });
    }
  })();
  if (positionals.length > 1) {
    throw new BanyanError('config_invalid', `One name is wanted, not ${positionals.length}: ${positionals.join(', ')}.`, {
      fix: `A name with spaces goes into quotes: "${positionals.join(' ')}"`,
    });
  }
  if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new BanyanError('config_invalid', '--url is no address.', { fix: 'Give the whole of it: --url https://banyan.example.com' });
  }
  return { ...values, ...(values.url === undefined ? {} : { url: values.url.replace(/\/$/, '') }), name: positionals[0] };
}

/** Answers as they were given, unchecked. */
export interface GivenAnswers {
  name?: unknown;
  domain?: unknown;
  agents?: unknown;
  owner?: unknown;
  description?: unknown;
  schedule?: unknown;
  effort?: unknown;
}

/** @throws BanyanError `config_invalid` where the file holds no object */
export function readData(path: string): GivenAnswers {
  try {
    const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new Error('it is no object');
    return data;
  } catch (cause) {
    throw new BanyanError('config_invalid', `--data: ${path} cannot be read: ${toBanyanError(cause).message}`, {
      fix: 'Give a file such as {"name": "my-shop", "domain": "e-commerce"}.',
      cause,
    });
  }
}

/** What was said on the command line, over what a file says. */
export function givenAnswers(options: SpawnOptions): GivenAnswers {
  const { name, domain, owner, description, schedule, effort } = options;
  const agents = options.agents
    ?.flatMap((part) => part.split(','))
    .map((role) => role.trim())
    .filter((role) => role !== '');
  const own = Object.entries({ name, domain, owner, description, schedule, effort, agents }).filter(([, value]) => value !== undefined);
  return { ...(options.data === undefined ? {} : readData(options.data)), ...Object.fromEntries(own) };
}
