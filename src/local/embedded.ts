import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { packageFile } from '../kernel/package-root.ts';

const manifestSchema = z.object({ peerDependencies: z.record(z.string(), z.string()) });

/** Also a peer, but only of `banyan/testing`. */
const TEST_RUNNER = 'vitest';

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch (thrown) {
    // A package without an entry for `require` is there all the same.
    return thrown instanceof Error && 'code' in thrown && thrown.code !== 'MODULE_NOT_FOUND';
  }
}

/**
 * What the embedded GitHub and Supabase are made of is of no use in production: the package names it as optional peers, a project brings it for
 * development.
 * @throws BanyanError `config_invalid` naming all that is missing, and the command that installs it
 */
export function requireEmbedded(): void {
  const { peerDependencies } = manifestSchema.parse(JSON.parse(readFileSync(packageFile('package.json'), 'utf8')));
  const missing = Object.entries(peerDependencies).filter(([name]) => name !== TEST_RUNNER && !isInstalled(name));
  if (missing.length === 0) return;
  throw new BanyanError('config_invalid', `The local stack needs packages that are not installed: ${missing.map(([name]) => name).join(', ')}.`, {
    fix: `npm install --save-dev --save-exact ${missing.map(([name, version]) => `${name}@${version}`).join(' ')}`,
    data: { packages: missing.map(([name]) => name) },
  });
}
