import { createPrivateKey } from 'node:crypto';
import { EVENTS } from '../domain/intake.ts';
import type { HookAttempt } from '../github/hook-deliveries.ts';
import type { HookFacts, InstallationFacts } from '../github/inspection.ts';
import { PERMISSIONS } from '../github/permissions.ts';
import { toBanyanError } from '../kernel/errors.ts';
import { fail, ok, skipped, warn } from './types.ts';
import type { Check, Finding, Subject } from './types.ts';
import { WEBHOOK_PATH } from './web.ts';

const APP_PAGE = 'GitHub > Settings > Developer settings > GitHub Apps > your App';
const LEVELS = ['read', 'write', 'admin'];

function isKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    return false;
  }
}

async function lookAtApp({ app, environment }: Subject): Promise<Finding> {
  if (!isKey(environment.github.privateKey)) {
    return fail(
      'GITHUB_APP_PRIVATE_KEY cannot be read as a key.',
      `${APP_PAGE} > Private keys: generate one, and set the whole file (docs/deploy.md has the forms).`,
    );
  }
  try {
    const { slug, owner } = await app.app();
    return ok(`It authenticates as ${slug}[bot], an App of ${owner}.`);
  } catch (thrown) {
    const error = toBanyanError(thrown);
    if (error.data['status'] !== 401 && error.data['status'] !== 404) throw error;
    return fail(
      'GitHub does not know the App by this ID and private key.',
      `${APP_PAGE}: compare the App ID, and generate a new private key. A clock that is wrong by more than a minute does the same.`,
    );
  }
}

export interface Difference {
  missing: string[];
  extra: string[];
}

/** What is held beside what is wanted, as `issues: write`. */
export function comparePermissions(held: Record<string, string>, wanted: Record<string, string> = PERMISSIONS): Difference {
  const rank = (level: string | undefined) => LEVELS.indexOf(level ?? '');
  const write = ([name, level]: [string, string]) => `${name}: ${level}`;
  return {
    missing: Object.entries(wanted)
      .filter(([name, level]) => rank(held[name]) < rank(level))
      .map(write),
    extra: Object.entries(held)
      .filter(([name, level]) => rank(level) > rank(wanted[name]))
      .map(write),
  };
}

export function compareEvents(held: readonly string[], wanted: readonly string[] = EVENTS): Difference {
  return { missing: wanted.filter((event) => !held.includes(event)), extra: held.filter((event) => !wanted.includes(event)) };
}

/** What is missing stops the work; what is too much is a risk, or a noise. */
function judge({ missing, extra }: Difference, what: string, { place, risk }: { place: string; risk: string }): Finding {
  const tooMuch = extra.length > 0 ? `Too many: ${extra.join(', ')}.` : '';
  if (missing.length > 0) {
    return fail(
      [`Missing ${what}: ${missing.join(', ')}.`, tooMuch].filter(Boolean).join('\n'),
      `${place}: add what is missing and save${what === 'permissions' ? '; GitHub then asks whoever installed the App to accept it' : ''}.`,
    );
  }
  return extra.length > 0 ? warn(`${tooMuch} ${risk}`, `${place}: take them away.`) : ok(`Exactly the ${what} that are needed.`);
}

async function lookAtPermissions({ app }: Subject): Promise<Finding> {
  const { permissions } = await app.app();
  return judge(comparePermissions(permissions), 'permissions', {
    place: `${APP_PAGE} > Permissions & events`,
    risk: 'Whoever has the private key has them too.',
  });
}

async function lookAtEvents({ app }: Subject): Promise<Finding> {
  const { events } = await app.app();
  return judge(compareEvents(events), 'events', { place: `${APP_PAGE} > Permissions & events > Subscribe to events`, risk: 'They are answered and not used.' });
}

export function judgeInstallations(installations: readonly InstallationFacts[]): Finding {
  if (installations.length === 0)
    return warn('It is installed nowhere.', `${APP_PAGE} > Install App: install it on the repositories that Banyan is to work on.`);
  const active = installations.filter(({ suspended }) => !suspended);
  const names = (list: readonly InstallationFacts[]) => list.map(({ account }) => account).join(', ');
  const behind = active.flatMap(({ account, permissions, page }) => {
    const { missing } = comparePermissions(permissions);
    return missing.length > 0 ? [{ page, says: `${account} has not granted ${missing.join(', ')}.` }] : [];
  });
  if (behind.length > 0) {
    return fail(behind.map(({ says }) => says).join('\n'), `Its owner accepts the new permissions at ${behind.map(({ page }) => page).join(' , ')}.`);
  }
  if (active.length < installations.length) {
    return warn(
      `Suspended: ${names(installations.filter(({ suspended }) => suspended))}. Nothing is done there.`,
      'Its owner lifts that where the App is installed; or leave it so.',
    );
  }
  return ok(`${installations.length === 1 ? 'One installation' : `${installations.length} installations`}: ${names(installations).slice(0, 300)}.`);
}

export function judgeHook({ url, contentType, verified, signed }: HookFacts, deployment: string | undefined): Finding {
  const place = `${APP_PAGE} > Webhook`;
  const wanted = deployment === undefined ? undefined : `${deployment}${WEBHOOK_PATH}`;
  if (url === '')
    return fail('The App has no webhook, or it is not active.', `${place}: make it active, with the URL ${wanted ?? `https://YOUR-DOMAIN${WEBHOOK_PATH}`}.`);
  if (wanted !== undefined && url.replace(/\/$/, '') !== wanted)
    return fail(`GitHub sends to ${url.slice(0, 200)}, and not to ${wanted}.`, `${place}: set the URL.`);
  if (!signed) return fail('The webhook has no secret, so every delivery is refused.', `${place}: set the secret to the value of GITHUB_WEBHOOK_SECRET.`);
  if (contentType !== 'json') return fail('GitHub sends forms; they are refused with 415.', `${place}: set the content type to application/json.`);
  if (!verified && url.startsWith('https:')) return warn('GitHub does not look at the certificate of this address.', `${place}: enable SSL verification.`);
  return ok(`GitHub sends JSON, signed, to ${url.slice(0, 200)}.`);
}

async function lookAtHook({ app, url }: Subject): Promise<Finding> {
  return judgeHook(await app.hook(), url);
}

const HOUR_MS = 3_600_000;

/** What the answer to a delivery says is wrong, and how it is mended. */
function causeOf(status: number): [string, string] {
  if (status === 401)
    return [
      'The webhook secrets differ.',
      `Set the secret on the page of the App (${APP_PAGE} > Webhook) and GITHUB_WEBHOOK_SECRET of the deployment to one value.`,
    ];
  if (status === 415) return ['GitHub sends forms.', `${APP_PAGE} > Webhook: set the content type to application/json.`];
  if (status === 404) return ['There is no webhook at that address.', `${APP_PAGE} > Webhook: the URL ends with ${WEBHOOK_PATH}.`];
  if (status >= 300 && status < 400) return ['The address redirects.', `${APP_PAGE} > Webhook: set the URL to the address that it redirects to.`];
  if (status === 413) return ['It was too large for the platform.', 'Nothing: its payload is fetched from GitHub.'];
  if (status === 503) return ['The deployment had not what it needs.', 'See what /api/health says.'];
  return ['Nobody answered, or too late.', 'Look at the deployment and its logs; what was missed is brought home by the cron.'];
}

function counted(statuses: readonly number[]): string {
  const groups = Map.groupBy(statuses, (status) => status);
  return [...groups].map(([status, list]) => `${status} (${list.length})`).join(', ');
}

/** An event counts by its newest attempt: what was handed over at last is settled. What happened over an hour ago is the cron's to mend. */
export function judgeAttempts(attempts: readonly HookAttempt[], now: number): Finding {
  const newest = [...Map.groupBy(attempts, ({ guid }) => guid).values()].flatMap((group) =>
    group.toSorted((a, b) => b.deliveredAt.getTime() - a.deliveredAt.getTime()).slice(0, 1),
  );
  const inOrder = newest.toSorted((a, b) => b.deliveredAt.getTime() - a.deliveredAt.getTime());
  const last = inOrder[0];
  if (last === undefined) return warn('GitHub has sent nothing in the last days.', 'Install the App on a repository and open an issue there; then look again.');
  const isBad = ({ statusCode }: HookAttempt) => statusCode < 200 || statusCode >= 300;
  const bad = inOrder.filter(isBad);
  const [cause, fix] = causeOf(last.statusCode);
  if (isBad(last) && last.statusCode !== 413) return fail(`The newest delivery was answered ${last.statusCode}. ${cause}`, fix);
  const late = bad.filter(({ deliveredAt }) => deliveredAt.getTime() > now - HOUR_MS);
  if (late.length > 0) {
    const statuses = counted(late.map(({ statusCode }) => statusCode));
    return warn(`Of the last hour, not taken: ${statuses}. The newest was.`, `${causeOf(late[0]?.statusCode ?? 0).join(' ')} The cron asks for them again.`);
  }
  return ok(`Of the newest ${inOrder.length}, ${inOrder.length - bad.length} were taken, the newest at ${last.deliveredAt.toISOString()}.`);
}

async function lookAtAttempts({ app, now }: Subject): Promise<Finding> {
  return judgeAttempts(await app.attempts(), now());
}

const LEAST_SHARE = 0.1;
/** Each costs a token; the others are as good as these. */
const ASKED = 3;

async function lookAtBudget({ app, inspect }: Subject): Promise<Finding> {
  const active = (await app.installations()).filter(({ suspended }) => !suspended);
  if (active.length === 0) return skipped('It is installed nowhere.');
  const budgets = await Promise.all(active.slice(0, ASKED).map(async ({ id, account }) => ({ account, ...(await app.budget(id)) })));
  const held = (await inspect().catch(() => null))?.held ?? [];
  const said = budgets.map(({ account, remaining, limit }) => `${account}: ${remaining} of ${limit} requests of this hour are left.`);
  if (held.length > 0) {
    return warn(
      `GitHub has asked to wait: ${held.map(({ account, seconds }) => `${account} (${seconds} s more)`).join(', ')}.`,
      'Nothing: all workers wait. docs/operations.md has what uses up the limits.',
    );
  }
  if (budgets.some(({ remaining, limit }) => remaining < limit * LEAST_SHARE))
    return warn(said.join('\n'), 'Wait for the hour to end, and look what else uses this App.');
  return ok(said.join('\n'));
}

const NEEDS = ['GITHUB_APP_ID', 'GITHUB_APP_PRIVATE_KEY', 'GITHUB_API_URL'];

export const GITHUB_CHECKS: readonly Check[] = [
  { id: 'github.app', title: 'GitHub App authenticates', needs: NEEDS, run: lookAtApp },
  { id: 'github.permissions', title: 'permissions of the App', after: ['github.app'], run: lookAtPermissions },
  { id: 'github.events', title: 'events of the App', after: ['github.app'], run: lookAtEvents },
  {
    id: 'github.installations',
    title: 'installations of the App',
    after: ['github.app'],
    run: async ({ app }) => judgeInstallations(await app.installations()),
  },
  { id: 'github.webhook', title: 'webhook of the App', after: ['github.app'], run: lookAtHook },
  { id: 'github.deliveries', title: 'deliveries of GitHub', after: ['github.app'], run: lookAtAttempts },
  { id: 'github.budget', title: 'limits of GitHub', after: ['github.app'], run: lookAtBudget },
];
