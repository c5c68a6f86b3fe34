import type { IncomingMessage, ServerResponse } from 'node:http';
import { actorRole } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import type { Account, Repository } from '../core/model.ts';
import { diffText } from '../git/diff.ts';
import { readBody } from '../http/api.ts';
import type { Router } from '../http/router.ts';
import { diffBaseOf, isPull } from '../render/pulls.ts';
import { codePage, commitPage, commitsPage, homePage, rawFile } from './code.ts';
import { submitForm } from './forms.ts';
import { issuePage, listPage, newIssuePage } from './issues.ts';
import type { Page, View } from './layout.ts';
import { messagePage, renderDocument, repositoryPage } from './layout.ts';
import type { PullTab } from './pulls.ts';
import { pullPage, renderChecks } from './pulls.ts';
import { CSS } from './style.ts';

export interface PageExchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
}

const COOKIE = 'local_github_user';
/** Pages carry other people's words, so nothing in them may run, and forms go nowhere else. */
const POLICY =
  "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' https: http: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The pages that people see, at the addresses that GitHub has them. */
export async function servePage(forge: Forge, router: Router, { request, response, url }: PageExchange): Promise<void> {
  const view: View = { forge, viewer: viewerOf(forge, request), url };
  try {
    if (request.method === 'POST') return await servePost(router, view, { request, response, url });
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new Fault(405, 'This page can only be read.');
    if (serveAsset(url, response) || (await serveFile(view, response))) return;
    send(view, response, await findPage(view));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    send(view, response, messagePage(error.status, 'That did not work', describe(error)));
  }
}

function describe(fault: Fault): string {
  const details = (fault.errors ?? []).map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  return [fault.message, ...details].join(' · ');
}

function send(view: View, response: ServerResponse, page: Page): void {
  response.writeHead(page.status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  });
  response.end(renderDocument(view, page));
}

function viewerOf(forge: Forge, request: IncomingMessage): Account | null {
  const value = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];
  const account = value === undefined ? undefined : forge.store.account(value);
  return account?.type === 'User' ? account : null;
}

/** The cookie is SameSite=Strict already; browsers also say where a request comes from. */
function requireSameSite(request: IncomingMessage): void {
  const site = request.headers['sec-fetch-site'];
  const { origin } = request.headers;
  const foreign = origin !== undefined && origin !== 'null' && new URL(origin).host !== request.headers.host;
  if (foreign || origin === 'null' || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw new Fault(403, 'This form was sent by another site.');
}

async function servePost(router: Router, view: View, { request, response, url }: PageExchange): Promise<void> {
  requireSameSite(request);
  const form = new URLSearchParams((await readBody(request)).toString());
  if (url.pathname === '/_session') {
    const account = view.forge.store.account(form.get('user') ?? '');
    const back = form.get('back') ?? '/';
    response.setHeader('set-cookie', `${COOKIE}=${account?.type === 'User' ? account.login : ''}; Path=/; HttpOnly; SameSite=Strict`);
    return redirect(response, /^\/(?![/\\])/.test(back) ? back : '/');
  }
  if (view.viewer === null) throw new Fault(401, 'Sign in first.');
  const [, owner = '', name = '', rest = ''] = /^\/([^/]+)\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
  redirect(response, await submitForm(view.forge, router, { owner, name, rest, form, viewer: view.viewer }));
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location });
  response.end();
}

function serveAsset(url: URL, response: ServerResponse): boolean {
  if (url.pathname === '/_assets/style.css') {
    response.writeHead(200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'max-age=60' });
    response.end(CSS);
    return true;
  }
  const avatar = /^\/_assets\/avatar\/(\d+)\.svg$/.exec(url.pathname)?.[1];
  if (avatar === undefined) return false;
  response.writeHead(200, { 'content-type': 'image/svg+xml', 'cache-control': 'max-age=3600' });
  response.end(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="hsl(${(Number(avatar) * 67) % 360} 50% 50%)"/></svg>`,
  );
  return true;
}

function visibleRepository(view: View, owner: string, name: string): Repository | undefined {
  const repository = view.forge.store.repository(owner, name);
  const actor = view.viewer === null ? ({ kind: 'anonymous' } as const) : ({ kind: 'user', account: view.viewer } as const);
  return repository !== undefined && actorRole(view.forge.store, repository, actor) !== null ? repository : undefined;
}

interface Address {
  repository: Repository;
  kind: string;
  rest: string;
}

function addressOf(view: View): Address | undefined {
  const [owner = '', name = '', kind = '', ...rest] = view.url.pathname.split('/').slice(1).map(decode);
  const repository = visibleRepository(view, owner, name);
  return repository === undefined ? undefined : { repository, kind, rest: rest.join('/').replace(/\/$/, '') };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Answers that are no page: raw files, and pull requests as diff. */
async function serveFile(view: View, response: ServerResponse): Promise<boolean> {
  const address = addressOf(view);
  if (address?.kind === 'raw') {
    const data = rawFile(view, address.repository, address.rest);
    if (data === undefined) return false;
    response.writeHead(200, {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    });
    response.end(data);
    return true;
  }
  const number = address?.kind === 'pull' ? /^(\d+)\.(?:diff|patch)$/.exec(address.rest)?.[1] : undefined;
  const issue = address?.repository.issues.find((candidate) => candidate.number === Number(number));
  if (address === undefined || issue === undefined || !isPull(issue)) return false;
  const base = diffBaseOf(view.forge, address.repository, issue);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
  response.end(await diffText(view.forge.git(address.repository), base, issue.pull.headSha));
  return true;
}

async function findPage(view: View): Promise<Page> {
  const parts = view.url.pathname.split('/').filter((part) => part !== '');
  if (parts.length === 0) return homePage(view, null);
  if (parts.length === 1) return homePage(view, decode(parts[0] ?? ''));
  const address = addressOf(view);
  if (address === undefined) return missing();
  const { repository, kind, rest } = address;
  const pages: Record<string, () => Page | Promise<Page>> = {
    '': () => codePage(view, repository, ''),
    tree: () => codePage(view, repository, rest),
    blob: () => codePage(view, repository, rest),
    commits: () => commitsPage(view, repository, rest),
    commit: () => commitPage(view, repository, rest),
    pulls: () => listPage(view, repository, 'pulls'),
    issues: () => (rest === '' ? listPage(view, repository, 'issues') : rest === 'new' ? newIssuePage(view, repository) : numberedPage(view, address)),
    pull: () => numberedPage(view, address),
    runs: () => runPage(address),
  };
  return pages[kind]?.() ?? missing();
}

function missing(): Page {
  return messagePage(404, 'Not found', 'There is no such page.');
}

/** Issues and pull requests share their numbers, so each address finds either. */
function numberedPage(view: View, { repository, rest }: Address): Page | Promise<Page> {
  const [number = '', tab = 'conversation'] = rest.split('/');
  const issue = repository.issues.find((candidate) => String(candidate.number) === number);
  if (issue === undefined) return missing();
  if (!isPull(issue)) return issuePage(view, repository, issue);
  const tabs: PullTab[] = ['conversation', 'commits', 'checks', 'files'];
  const wanted = tabs.find((name) => name === tab);
  return wanted === undefined ? missing() : pullPage(view, repository, { issue, tab: wanted });
}

function runPage({ repository, rest }: Address): Page {
  const run = repository.checkRuns.find((candidate) => String(candidate.id) === rest);
  if (run === undefined) return missing();
  return repositoryPage(repository, { title: run.name, tab: 'pulls', body: renderChecks(repository, run.headSha) });
}
