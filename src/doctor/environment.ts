import { problemLine } from '../config/intake-environment.ts';
import type { Source } from '../config/intake-environment.ts';
import { VARIABLES } from '../config/environment.ts';
import { fail, ok, warn } from './types.ts';
import type { Check, Finding, Subject } from './types.ts';

/** Set for `npm start`, which needs no more than these. */
const OF_THE_STACK = ['BANYAN_PORT', 'BANYAN_GITHUB_PORT', 'BANYAN_SUPABASE_PORT', 'BANYAN_DATA_DIR', 'BANYAN_TICK_SECONDS'];

function numbers(version: string): number[] {
  return version.replace(/^v/, '').split('.').map(Number);
}

/** Whether a version is within `^a.b.c || ^d.e.f`; no other form of a range is used. */
export function satisfies(version: string, range: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbers(version);
  return range.split('||').some((part) => {
    const [wantedMajor, wantedMinor = 0, wantedPatch = 0] = numbers(part.trim().replace(/^\^/, ''));
    return major === wantedMajor && (minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch));
  });
}

function lookAtNode({ node: { version, engines } }: Subject): Finding {
  if (satisfies(version, engines)) return ok(version);
  return fail(
    `${version} is none of ${engines}.`,
    'Use Node 22 or 24 here and at the deployment (Vercel > Settings > Build and Deployment > Node.js Version).',
  );
}

/** Asked beside the roles, by jobs of the cron. */
export const ASKED_BY_JOBS: readonly string[] = ['guardian', 'diagnostician'];

/** What looks like one of ours and is read by nobody. @param roles those that may have a model of their own */
export function unknownVariables(source: Source, roles: Iterable<string>): string[] {
  const ofModels = [...roles, ...ASKED_BY_JOBS].map((role) => `BANYAN_MODEL_${role.toUpperCase().replaceAll('-', '_')}`);
  const known = new Set([...VARIABLES, ...OF_THE_STACK, ...ofModels]);
  return Object.keys(source).filter((name) => name.startsWith('BANYAN_') && !known.has(name) && source[name]?.trim());
}

async function lookAtVariables({ source, problems, local, parts }: Subject): Promise<Finding> {
  if (problems.length > 0) return fail(problems.map(problemLine).join('\n'), 'Set them here and at the deployment: README.md has the table.');
  const unknown = unknownVariables(source, (await parts()).roles.keys());
  if (unknown.length > 0) return warn(`Nobody reads ${unknown.join(', ')}.`, 'Correct the spelling, or remove them: README.md has the table.');
  return ok(local ? 'All that is required is set, by `npm start`.' : 'All that is required is set, and in its form.');
}

const SECRETS = ['GITHUB_WEBHOOK_SECRET', 'GITHUB_WEBHOOK_SECRET_PREVIOUS', 'CRON_SECRET', 'BANYAN_METRICS_TOKEN'];
const LEAST_CHARS = 16;

/** What is wrong with the secrets that the owner made up; never one of them. */
export function secretFaults(source: Source): string[] {
  const given = SECRETS.flatMap((name) => (source[name]?.trim() ? [{ name, value: source[name].trim() }] : []));
  const short = given.filter(({ value }) => value.length < LEAST_CHARS).map(({ name }) => `${name} has less than ${LEAST_CHARS} characters.`);
  const plain = given
    .filter(({ value }) => value.length >= LEAST_CHARS && (new Set(value).size < 6 || /^(your|change|secret|password|test|example)/i.test(value)))
    .map(({ name }) => `${name} can be guessed.`);
  const shared = given.flatMap(({ name, value }, at) =>
    given.slice(at + 1).flatMap((other) => (other.value === value ? [`${name} and ${other.name} are the same.`] : [])),
  );
  return [...short, ...plain, ...shared];
}

function lookAtSecrets({ source }: Subject): Finding {
  const faults = secretFaults(source);
  if (faults.length > 0)
    return fail(faults.join('\n'), 'Make each by `openssl rand -hex 32`; docs/deploy.md says how to rotate one without losing a delivery.');
  if (source['GITHUB_WEBHOOK_SECRET_PREVIOUS']?.trim()) {
    return warn(
      'GITHUB_WEBHOOK_SECRET_PREVIOUS is still set, so the old secret is good too.',
      'When no delivery with the old one is under way any more (some minutes), remove it and deploy again.',
    );
  }
  return ok('Long enough, and each its own.');
}

export type KeyKind = 'secret' | 'publishable' | 'service_role' | 'anon' | 'unknown';

/** What a key of Supabase is by its form; those of before 2025 are JWTs that name their role. */
export function keyKind(key: string): KeyKind {
  if (key.startsWith('sb_secret_')) return 'secret';
  if (key.startsWith('sb_publishable_')) return 'publishable';
  try {
    const { role } = JSON.parse(Buffer.from(key.split('.')[1] ?? '', 'base64url').toString()) as { role?: unknown };
    return role === 'service_role' || role === 'anon' ? role : 'unknown';
  } catch {
    return 'unknown';
  }
}

const KEYS_PAGE = 'Supabase > Project settings > API keys';

function lookAtKeys({ environment: { supabase } }: Subject): Finding {
  const [secret, publishable] = [keyKind(supabase.secretKey), keyKind(supabase.publishableKey)];
  if (secret === 'publishable' || secret === 'anon')
    return fail('SUPABASE_SECRET_KEY is a publishable key.', `${KEYS_PAGE}: copy a secret key (sb_secret_...).`);
  if (publishable === 'secret' || publishable === 'service_role') {
    return fail(
      'SUPABASE_PUBLISHABLE_KEY is a secret key.',
      `${KEYS_PAGE}: copy the publishable key (sb_publishable_...). If the other one was ever in a browser, rotate it.`,
    );
  }
  if (secret === 'unknown') return fail('SUPABASE_SECRET_KEY has the form of no key of Supabase.', `${KEYS_PAGE}: copy a secret key (sb_secret_...).`);
  if (publishable === 'unknown')
    return fail('SUPABASE_PUBLISHABLE_KEY has the form of no key of Supabase.', `${KEYS_PAGE}: copy the publishable key (sb_publishable_...).`);
  if (secret === 'service_role' || publishable === 'anon') {
    return warn(
      'These are keys of the old form (JWT), which Supabase replaces.',
      `${KEYS_PAGE}: make a secret key and a publishable key, set both, deploy again.`,
    );
  }
  return ok('One is secret and one is publishable.');
}

export const ENVIRONMENT_CHECKS: readonly Check[] = [
  { id: 'node', title: 'Node.js', run: lookAtNode },
  { id: 'variables', title: 'environment variables', run: lookAtVariables },
  { id: 'secrets', title: 'secrets', run: lookAtSecrets },
  { id: 'keys', title: 'keys of Supabase', needs: ['SUPABASE_SECRET_KEY', 'SUPABASE_PUBLISHABLE_KEY'], run: lookAtKeys },
];
