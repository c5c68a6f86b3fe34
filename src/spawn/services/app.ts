import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { EVENTS } from '../../domain/intake.ts';
import { BanyanError } from '../../kernel/errors.ts';
import { PERMISSIONS } from '../../github/permissions.ts';
import { cancelled } from '../command.ts';
import { ENV_FILE, readEnvFile, requirePlaceForSecrets, secretsOf, setInEnvFile } from './env-file.ts';
import { ask, expectStatus, readAs, type Api } from './http.ts';
import type { Child, ServiceStep } from './step.ts';

const WAIT_MS = 15 * 60_000;

const conversionSchema = z.object({
  id: z.number().int().positive(),
  slug: z.string(),
  html_url: z.string(),
  pem: z.string().min(1),
  webhook_secret: z.string().min(1),
});

function hosts({ env }: Child): { api: string; web: string } {
  const api = (env['GITHUB_API_URL'] || 'https://api.github.com').replace(/\/$/, '');
  // GitHub has its API on a host of its own, GitHub Enterprise Server below its own address.
  const own = /^https:\/\/api\.(github\.com|[\w-]+\.ghe\.com)$/.exec(api)?.[1];
  return { api, web: own === undefined ? api.replace(/\/api\/v3$/, '') : `https://${own}` };
}

function apiOf(child: Child): Api {
  return {
    service: 'GitHub',
    base: hosts(child).api,
    headers: { accept: 'application/vnd.github+json' },
    signal: child.signal,
    heard: new Set(),
    secrets: () => secretsOf(child),
  };
}

/** The page of GitHub that takes the manifest; an organization has its own. */
async function newAppUrl(child: Child): Promise<string> {
  const { owner } = child.answers;
  const { web } = hosts(child);
  if (owner === '') return `${web}/settings/apps/new`;
  // Anybody may ask; with a token GitHub answers more often than sixty times an hour.
  const token = child.env['GH_TOKEN'] || child.env['GITHUB_TOKEN'];
  const api = apiOf(child);
  const known = token ? await ask({ ...api, headers: { ...api.headers, authorization: `Bearer ${token}` } }, 'GET', `/users/${owner}`) : undefined;
  const answer = known?.status === 200 ? known : await ask(api, 'GET', `/users/${owner}`);
  const what = `looking for the account ${owner}`;
  const { type } = readAs(api, what, z.object({ type: z.string() }), expectStatus(api, what, answer, [200]));
  return `${web}${type === 'User' ? '' : `/organizations/${owner}`}/settings/apps/new`;
}

function manifestOf({ answers, url }: Child, redirect: string): string {
  // GitHub keeps names of Apps to 34 characters, unique among all.
  const name = `${answers.name.slice(0, 26)}-${randomBytes(3).toString('hex')}`;
  return JSON.stringify({
    name,
    url: url ?? 'https://github.com',
    hook_attributes: { url: `${url ?? 'https://example.invalid'}/api/github/webhook`, active: url !== undefined },
    redirect_url: redirect,
    public: false,
    default_permissions: PERMISSIONS,
    default_events: EVENTS,
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

function page(action: string, manifest: string): string {
  return `<!doctype html><meta charset="utf-8"><title>GitHub App</title>
<form method="post" action="${escaped(action)}"><input type="hidden" name="manifest" value="${escaped(manifest)}"><button>Register the GitHub App</button></form>
<script>document.forms[0].submit()</script>`;
}

interface Flow {
  /** Of the page on this machine: a site whose name was bent to this address has another one. */
  host(this: void): string;
  /** The page of GitHub. */
  target: string;
  /** Goes to GitHub and comes back with the code: an answer without it was not asked for by us. */
  state: string;
  manifest: () => string;
  done: (code: string) => void;
}

function serve({ host, target, state, manifest, done }: Flow, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const end = (status: number, text: string) =>
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end(text);
  if (request.headers.host !== host()) end(403, 'This page is for this machine.');
  else if (url.pathname === '/') end(200, page(`${target}?state=${state}`, manifest()));
  else if (url.pathname !== '/done') end(404, 'There is nothing here.');
  else if (url.searchParams.get('state') !== state || !url.searchParams.get('code'))
    end(400, 'This answer was not asked for. Begin again at the address in the terminal.');
  else {
    end(200, 'The App is registered. You may close this page and go back to the terminal.');
    done(url.searchParams.get('code') ?? '');
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits until a person has pressed the button at GitHub; its answer comes to a page of ours on this machine. */
async function codeOf(child: Child): Promise<string> {
  const state = randomBytes(16).toString('hex');
  const target = await newAppUrl(child);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let address = '';
  const server = createServer((request, response) =>
    serve(
      { host: () => address.replace('http://', ''), target, state, manifest: () => manifestOf(child, `${address}/done`), done: resolve },
      request,
      response,
    ),
  );
  address = await listen(server);
  const stop = () => reject(cancelled());
  child.signal.addEventListener('abort', stop, { once: true });
  if (child.signal.aborted) stop();
  const late = setTimeout(
    () => reject(new BanyanError('limit_reached', '--app: nobody registered the App within 15 minutes.', { fix: 'Run the step again.' })),
    WAIT_MS,
  );
  child.say(`Open ${address} in a browser on this machine and confirm the App at GitHub.`);
  return promise.finally(() => {
    child.signal.removeEventListener('abort', stop);
    clearTimeout(late);
    server.close();
    server.closeAllConnections();
  });
}

async function run(child: Child): Promise<string[]> {
  const before = await readEnvFile(child.folder);
  if (before['GITHUB_APP_ID'])
    return [`${ENV_FILE} has an App already (${before['GITHUB_APP_ID']}): nothing was registered. For another one, take GITHUB_APP_ID out of it.`];
  await requirePlaceForSecrets(child);
  const code = await codeOf(child);
  const api = apiOf(child);
  const answer = expectStatus(api, 'the code of the App', await ask(api, 'POST', `/app-manifests/${encodeURIComponent(code)}/conversions`), [201]);
  const { id, slug, html_url, pem, webhook_secret } = readAs(api, 'the App', conversionSchema, answer);
  await setInEnvFile(child.folder, {
    GITHUB_APP_ID: String(id),
    GITHUB_APP_PRIVATE_KEY: pem,
    GITHUB_WEBHOOK_SECRET: webhook_secret,
    ...(before['CRON_SECRET'] ? {} : { CRON_SECRET: randomBytes(32).toString('hex') }),
  });
  const hook = child.url === undefined ? ['Its webhook is off until you set its address and make it active: https://YOUR-DOMAIN/api/github/webhook'] : [];
  return [
    `The App ${slug} (${id}) is registered; its keys are in ${ENV_FILE}, for its owner only.`,
    ...hook,
    `Install it on a repository: ${html_url}/installations/new`,
  ];
}

export const app: ServiceStep = {
  id: 'app',
  title: 'GitHub App',
  plan: (child) => [
    'open a page on this machine that sends the manifest of the App to GitHub, and wait until you have confirmed it',
    `permissions: ${Object.entries(PERMISSIONS)
      .map(([name, access]) => `${name} ${access}`)
      .join(', ')}; events: ${EVENTS.join(', ')}`,
    `webhook: ${child.url === undefined ? 'off, until the address is known (--url)' : `${child.url}/api/github/webhook`}`,
    `write GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY, GITHUB_WEBHOOK_SECRET and CRON_SECRET to ${ENV_FILE} (0600, ignored by git)`,
  ],
  run,
};
