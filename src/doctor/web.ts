import { createHmac, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { VERSION } from '../kernel/version.generated.ts';
import { fail, ok, skipped, warn } from './types.ts';
import type { Check, Finding, Subject } from './types.ts';

/** What the deployment answered. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export const WEBHOOK_PATH = '/api/github/webhook';

const NO_URL = 'Set BANYAN_URL (on Vercel the production domain is taken), or say it here with --url.';

const AT_DEPLOYMENT = 'Look whether it is deployed, and whether the address is right: --url, or BANYAN_URL.';
const AT_GITHUB = 'Look whether this machine reaches GitHub, and whether GITHUB_API_URL is right (https://api.github.com where it is not set).';

/** Why there was no answer: `ENOTFOUND` says more than a sentence would. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === 'TimeoutError') return 'no answer in time';
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'no answer';
}

/** @throws BanyanError `not_found` where nobody answers */
async function ask(url: string, init: RequestInit, fix = AT_DEPLOYMENT): Promise<Answer> {
  try {
    const response = await fetch(url, { redirect: 'manual', ...init });
    return { status: response.status, headers: response.headers, text: (await response.text()).slice(0, 20_000) };
  } catch (thrown) {
    throw new BanyanError('not_found', `${new URL(url).origin} could not be reached (${reasonOf(thrown)}).`, { fix, cause: thrown });
  }
}

/** What stands before the functions and answers in their place; null where it is they who answered. */
export function gateOf({ status, headers, text }: Answer): Finding | null {
  const location = headers.get('location') ?? '';
  const page = (headers.get('content-type') ?? '').includes('text/html');
  const isLogin = /_vercel_sso_nonce/.test(headers.get('set-cookie') ?? '') || /\/sso-api\b|\/login\b/.test(location) || /Vercel Authentication/.test(text);
  if (isLogin || ((status === 401 || status === 403) && page)) {
    return fail(
      'A login page answers in the place of Banyan, and would answer GitHub and the cron.',
      'Vercel > Settings > Deployment Protection: leave the production domain out of it (Standard Protection does), or give the production domain here.',
    );
  }
  if (status >= 300 && status < 400) {
    return fail(
      `It redirects to ${location.split('?')[0] || 'nowhere'}; GitHub follows no redirects.`,
      'Use the address that it redirects to, here and on the page of the App.',
    );
  }
  const vercel = headers.get('x-vercel-error');
  if (vercel !== null)
    return fail(`The platform answers ${status} ${vercel}.`, 'Look at the deployment and its logs; is this the production domain of the right project?');
  return null;
}

const ours = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The code of Banyan's own error; null where the answer is none. */
function codeOf({ text }: Answer): string | null {
  try {
    return ours.parse(JSON.parse(text)).error.code;
  } catch {
    return null;
  }
}

function strange({ status, text }: Answer, wanted: string): Finding {
  return fail(
    `It answers ${status} (${text.replaceAll(/\s+/g, ' ').slice(0, 120) || 'nothing'}) where ${wanted} is right.`,
    'Look whether this is the address of Banyan, and at the log of its functions.',
  );
}

const health = z.object({ status: z.string(), version: z.string(), schema_expected: z.string(), schema_version: z.string().optional() });

async function lookAtHealth(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const answer = await ask(`${subject.url}/api/health`, { signal });
  const gate = gateOf(answer);
  if (gate) return gate;
  if (codeOf(answer) === 'config_invalid') {
    const { error } = ours.parse(JSON.parse(answer.text));
    return fail(`The deployment has not what it needs. ${error.message}`, 'Set the variables for Production and deploy again.');
  }
  const parsed = health.safeParse(answer.text.startsWith('{') ? JSON.parse(answer.text) : null);
  if (!parsed.success) return strange(answer, 'what health says');
  const { status, version, schema_expected: expected, schema_version: applied } = parsed.data;
  if (status === 'not_migrated' || (status !== 'ok' && answer.text.includes('not_migrated'))) {
    return fail(
      `The deployment waits for migration ${expected}, and ${applied ?? 'none'} is applied.`,
      'Run `npx supabase db push`, with the migrations of the version that is deployed.',
    );
  }
  if (status !== 'ok')
    return fail(
      `The deployment says "${status}": it does not reach its database.`,
      'Look at SUPABASE_URL and SUPABASE_SECRET_KEY of the deployment, and whether the Supabase project is paused.',
    );
  if (version !== VERSION)
    return warn(`It is Banyan ${version}, and this is the doctor of ${VERSION}.`, 'Run the doctor of the version that is deployed, or deploy this one.');
  return ok(`Banyan ${version} answers at ${subject.url}.`);
}

function ping(subject: Subject, secret: string, signal: AbortSignal): Promise<Answer> {
  const body = JSON.stringify({ zen: 'Asked by the doctor.', hook_id: 0 });
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'banyan-doctor',
    'x-github-event': 'ping',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  return ask(`${subject.url}${WEBHOOK_PATH}`, { method: 'POST', headers, body, signal });
}

async function lookAtSigned(subject: Subject, signal: AbortSignal): Promise<Finding> {
  for (const [index, secret] of subject.environment.webhookSecrets.entries()) {
    const answer = await ping(subject, secret, signal);
    if (answer.status >= 200 && answer.status < 300) continue;
    const gate = gateOf(answer);
    if (gate) return gate;
    if (codeOf(answer) !== 'unauthorized') return strange(answer, '202');
    const name = index === 0 ? 'GITHUB_WEBHOOK_SECRET' : 'GITHUB_WEBHOOK_SECRET_PREVIOUS';
    return fail(`The deployment refuses what is signed with ${name}.`, `Set the same ${name} here and at the deployment, and deploy again.`);
  }
  return ok('A signed ping is taken.');
}

async function lookAtForged(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const answer = await ping(subject, randomUUID(), signal);
  const gate = gateOf(answer);
  if (gate) return gate;
  if (answer.status === 401 && codeOf(answer) === 'unauthorized') return ok('A ping with a wrong signature is refused with 401.');
  if (answer.status < 300)
    return fail(
      'A ping with a wrong signature is taken.',
      'Anybody can start work there. Take the deployment down, and look at what answers at this address: it is not this code.',
    );
  return strange(answer, '401');
}

/** No job has this name: the bearer is looked at before the name, so nothing is begun. */
const NO_JOB = '/api/cron/doctor';

async function lookAtCron(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const withBearer = (secret: string) => ask(`${subject.url}${NO_JOB}`, { headers: { authorization: `Bearer ${secret}` }, signal });
  const answer = await withBearer(subject.environment.cronSecret);
  const gate = gateOf(answer);
  if (gate) return gate;
  const code = codeOf(answer);
  if (code === 'unauthorized')
    return fail(
      'The deployment refuses the bearer CRON_SECRET.',
      'Set the same CRON_SECRET here and at the deployment and deploy again; where Supabase is the clock, in its vault too (banyan_cron_secret).',
    );
  if (code !== 'not_found') return strange(answer, '404 in the words of Banyan');
  const forged = await withBearer(randomUUID());
  if (forged.status !== 401) return strange(forged, '401 for a wrong bearer');
  return ok('The bearer is taken, and a wrong one is refused.');
}

function lookAtAddress({ url, environment, source }: Subject): Finding {
  if (url === undefined) return fail('The address of the deployment is not known, so no delivery wakes its worker.', NO_URL);
  const { protocol, hostname, pathname, username, password } = new URL(url);
  if (username !== '' || password !== '')
    return fail('The address has a user or a password in it, and whoever calls it sends none.', 'Give it without them, and leave the domain open.');
  const here = /^(localhost|127\.|\[::1\])/.test(hostname);
  if (protocol !== 'https:' && !here)
    return fail(`${url} is not https: secrets would travel in the open.`, 'Put TLS before it, and set BANYAN_URL to the https address.');
  if (pathname !== '/') return fail(`${url} has a path; the functions are at the root of their domain.`, 'Give the address without a path.');
  const known = environment.url;
  if (known !== undefined && known !== url)
    return warn(`${url} is asked about, and ${known} is what the environment says.`, 'Set BANYAN_URL to the address that GitHub and the cron use.');
  if (known === undefined && source['VERCEL'] === undefined)
    return ok(`${url}. Vercel names its production domain to the deployment by itself; elsewhere set BANYAN_URL.`);
  return ok(url);
}

const SKEW = { warn: 10, fail: 60 } as const;

/** @param clocks seconds by which each clock is ahead of GitHub's */
export function judgeClocks(clocks: Record<string, number>): Finding {
  const [name, seconds] = Object.entries(clocks).toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a))[0] ?? ['', 0];
  const says = `${name}: ${Math.abs(Math.round(seconds))} s ${seconds < 0 ? 'behind' : 'ahead of'} GitHub.`;
  if (Math.abs(seconds) > SKEW.fail) return fail(says, 'Set that clock by NTP: GitHub refuses tokens that are dated wrong by more than a minute.');
  if (Math.abs(seconds) > SKEW.warn) return warn(says, 'Set that clock by NTP before it is a minute.');
  return ok(`${Object.keys(clocks).join(', ')}: within ${SKEW.warn} s of GitHub.`);
}

async function dateOf(url: string, signal: AbortSignal, fix = AT_DEPLOYMENT): Promise<{ server: number; asked: number } | null> {
  const before = Date.now();
  const { headers } = await ask(url, { signal, method: 'GET' }, fix);
  const server = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(server) ? null : { server, asked: (before + Date.now()) / 2 };
}

async function lookAtClocks(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const drift = subject.now() - Date.now();
  const github = await dateOf(`${subject.environment.github.apiUrl}/meta`, signal, AT_GITHUB);
  if (github === null) return skipped('GitHub names no time.');
  // By this machine's clock, whatever it is: only differences count.
  const ahead = (time: { server: number; asked: number }) => (time.server - time.asked - (github.server - github.asked)) / 1000;
  const clocks: Record<string, number> = { 'this machine': (drift - (github.server - github.asked)) / 1000 };
  const deployment = subject.url === undefined ? null : await dateOf(`${subject.url}/api/health`, signal).catch(() => null);
  if (deployment) clocks['the deployment'] = ahead(deployment);
  const database = await subject.inspect().catch(() => null);
  if (database) clocks['the database'] = ahead({ server: Date.parse(database.now), asked: database.askedAt });
  return judgeClocks(clocks);
}

export const WEB_CHECKS: readonly Check[] = [
  { id: 'address', title: 'address of the deployment', run: lookAtAddress },
  { id: 'deployment', title: 'deployment answers', after: ['address'], run: lookAtHealth },
  { id: 'clocks', title: 'clocks', needs: ['GITHUB_API_URL'], run: lookAtClocks },
  { id: 'webhook.signed', title: 'webhook takes what is signed', needs: ['GITHUB_WEBHOOK_SECRET'], after: ['address'], run: lookAtSigned },
  { id: 'webhook.forged', title: 'webhook refuses what is forged', after: ['address'], run: lookAtForged },
  { id: 'cron.bearer', title: 'cron is called with the right secret', needs: ['CRON_SECRET'], after: ['address'], run: lookAtCron },
];
