import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';

/** The fields of `vercel.json` that are followed here. */
const vercelSchema = z.object({
  functions: z.record(z.string(), z.object({ maxDuration: z.number().int().positive().optional() })).default({}),
  rewrites: z.array(z.object({ source: z.string(), destination: z.string() })).default([]),
  crons: z.array(z.object({ path: z.string(), schedule: z.string() })).default([]),
});

export type VercelConfig = z.output<typeof vercelSchema>;

/** One file below `api/`. */
export interface FunctionFile {
  /** `/api/webhook` for `api/webhook.ts`. */
  path: string;
  file: string;
  maxDurationSeconds: number;
}

export interface Route {
  function: FunctionFile;
  /** What a rewrite's source matched and its destination does not use; the platform adds it to the query. */
  params: Record<string, string>;
}

/** The platform's own default where a project says nothing. */
const DEFAULT_MAX_DURATION_SECONDS = 300;

export function readVercelConfig(root: string): VercelConfig {
  return vercelSchema.parse(JSON.parse(readFileSync(join(root, 'vercel.json'), 'utf8')));
}

/** Every file below `api/` that the platform would serve: not tests, not what begins with `_` or `.`. */
export function listFunctions(root: string, config: VercelConfig): FunctionFile[] {
  const files = readdirSync(join(root, 'api'), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.(ts|js|mjs)$/.test(file) && !/(^|\/)[_.]/.test(file) && !/\.(test|d)\.ts$/.test(file));
  return files.toSorted().map((file) => {
    const own = Object.entries(config.functions).find(([glob]) => picomatch.isMatch(`api/${file}`, glob));
    const path = `/api/${file.replace(/\.[a-z]+$/, '')}`.replace(/\/index$/, '');
    return { path, file: join(root, 'api', file), maxDurationSeconds: own?.[1].maxDuration ?? DEFAULT_MAX_DURATION_SECONDS };
  });
}

/** `/api/cron/:job` and `/api/v1/:path*`; other patterns of the platform are refused, not misread. */
function toPattern(source: string): RegExp {
  const parts = source
    .split('/')
    .slice(1)
    .map((part) => {
      const [, name, many] = /^:(\w+)(\*?)$/.exec(part) ?? [];
      if (name !== undefined) return many ? `(?:/(?<${name}>.+?))?` : `/(?<${name}>[^/]+)`;
      if (!/^[\w.-]+$/.test(part))
        throw new BanyanError('config_invalid', `vercel.json: the rewrite "${source}" uses a pattern that the local server does not know`);
      return `/${part.replaceAll('.', '\\.')}`;
    });
  return new RegExp(`^${parts.join('')}/?$`);
}

/** Files first, then rewrites in their order, as the platform does. */
export function createRouter(config: VercelConfig, functions: FunctionFile[]): (pathname: string) => Route | undefined {
  const byPath = new Map(functions.map((entry) => [entry.path, entry]));
  const rewrites = config.rewrites.map(({ source, destination }) => {
    const target = byPath.get(destination);
    if (!target) throw new BanyanError('config_invalid', `vercel.json: the rewrite "${source}" leads to ${destination}, and there is no such function`);
    return { pattern: toPattern(source), target };
  });
  return (pathname) => {
    const direct = byPath.get(pathname.replace(/(.)\/$/, '$1'));
    if (direct) return { function: direct, params: {} };
    for (const { pattern, target } of rewrites) {
      const match = pattern.exec(pathname);
      if (match) return { function: target, params: definedOnly(match.groups ?? {}) };
    }
    return undefined;
  };
}

function definedOnly(groups: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
