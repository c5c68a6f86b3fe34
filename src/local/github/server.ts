import { existsSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { APP_PERMISSIONS } from './core/access.ts';
import type { Actor, Permissions } from './core/access.ts';
import { Forge } from './core/forge.ts';
import { Limiter } from './core/limits.ts';
import type { Limits, Violation } from './core/limits.ts';
import type { JsonObject } from './core/model.ts';
import { ForgeStore } from './core/store.ts';
import { publicKeyOf } from './core/tokens.ts';
import { handleGraphql } from './graphql/execute.ts';
import { actorOf, dispatch, faultReply, parseBody, readBody, sendReply } from './http/api.ts';
import type { Reply } from './http/call.ts';
import { handleGit, readGitRequest } from './http/git-route.ts';
import { createRouter } from './http/router.ts';
import type { Router } from './http/router.ts';
import { servePage } from './pages/serve.ts';
import { APP_EVENTS } from './render/app.ts';
import { restRoutes } from './rest/table.ts';
import { initialRoot, seedShop } from './seed.ts';
import { DeliveryQueue } from './webhooks/deliveries.ts';

export interface LocalGitHubOptions {
  /** 0 takes a free port. */
  port: number;
  dataDir: string;
  /** Without permissions and events: all that there are. */
  app: { id: number; privateKey: string; webhookSecret: string; permissions?: Permissions | undefined; events?: readonly string[] | undefined };
  /** Where the App's webhooks go; null sends none. */
  webhookUrl: string | null;
  /** The address that answers and pages show, when it is not the one that is listened on. */
  publicUrl?: string;
  /** GitHub's limits for the installation, where they are to be kept. */
  limits?: Limits;
  /** The clock that limits go by; tests move it. */
  now?: () => number;
}

export interface LocalGitHub {
  url: string;
  port: number;
  /** Resolves when every webhook that was due has been sent. */
  idle(): Promise<void>;
  /** Requests that passed a limit. */
  violations: readonly Violation[];
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const HOOK_ID = 4001;
const API_PATH = /^\/(repos|orgs|users|user|app|apps|installation|installations|search|rate_limit|meta|zen|graphql|api)(\/|$)/;

/** A GitHub on this machine: REST, GraphQL, git, webhooks and pages over one folder of state. */
export async function createLocalGitHub(options: LocalGitHubOptions): Promise<LocalGitHub> {
  const router = createRouter(restRoutes);
  let resolveForge: (forge: Forge) => void = () => undefined;
  const ready = new Promise<Forge>((resolve) => {
    resolveForge = resolve;
  });
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    ready.then((forge) => serve(forge, router, { request, response })).catch((error: unknown) => failLate(response, error));
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  const url = (options.publicUrl ?? `http://${HOST}:${port}`).replace(/\/+$/, '');
  const forge = await openForge(options, url);
  resolveForge(forge);
  return {
    url,
    port,
    idle: () => forge.deliveries.idle(),
    violations: forge.limiter.violations,
    async close() {
      server.close();
      server.closeAllConnections();
      await forge.deliveries.close();
      forge.store.flush();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve());
  });
}

async function openForge(options: LocalGitHubOptions, url: string): Promise<Forge> {
  const dir = options.dataDir;
  const { store, isNew } = ForgeStore.open(dir, () => initialRoot(options.app.id));
  const { root } = store;
  root.appId = options.app.id;
  root.webhook = { url: null, secret: options.app.webhookSecret };
  const deliveries = new DeliveryQueue({
    file: join(dir, 'deliveries.jsonl'),
    hookId: HOOK_ID,
    appId: root.appId,
    target: () => root.webhook,
    nextId: () => store.nextId(),
  });
  // Deliveries are written at once and the root a moment later, so after a kill the file may know higher ids.
  root.nextId = Math.max(root.nextId, deliveries.highestId() + 1);
  const limiter = new Limiter(options.limits, options.now);
  const { privateKey, permissions = APP_PERMISSIONS, events = APP_EVENTS } = options.app;
  const forge = new Forge({ dir, store, deliveries, limiter, appKey: publicKeyOf(privateKey), url, app: { permissions, events } });
  if (isNew || !existsSync(forge.gitRoot)) await seedShop(forge);
  root.webhook.url = options.webhookUrl;
  store.touch();
  store.flush();
  deliveries.start();
  return forge;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

async function serve(forge: Forge, router: Router, { request, response }: Exchange): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://local');
  const git = readGitRequest(url);
  if (git !== undefined) return serveGitRequest(forge, { request, response }, git);
  const isApi = API_PATH.test(url.pathname) || (url.pathname === '/' && request.headers.authorization !== undefined);
  if (!isApi) return servePage(forge, router, { request, response, url });
  const reply = await answer(forge, router, { request, url }).catch(faultReply);
  sendReply(request, response, reply);
}

async function serveGitRequest(forge: Forge, exchange: Exchange, git: NonNullable<ReturnType<typeof readGitRequest>>): Promise<void> {
  let actor: ReturnType<typeof actorOf>;
  try {
    actor = actorOf(forge, exchange.request.headers.authorization);
  } catch (error) {
    exchange.response.setHeader('www-authenticate', 'Basic realm="GitHub"');
    sendReply(exchange.request, exchange.response, faultReply(error));
    return;
  }
  await handleGit(forge, exchange, { git, actor });
}

/** Both styles of addresses: at the root as on api.github.com, and below `/api/v3` as on a GitHub Enterprise server. */
async function answer(forge: Forge, router: Router, { request, url }: { request: IncomingMessage; url: URL }): Promise<Reply> {
  const body = parseBody(await readBody(request));
  const actor = actorOf(forge, request.headers.authorization);
  const prefix = url.pathname.startsWith('/api/v3') ? '/api/v3' : '';
  const { method = 'GET' } = request;
  const path = url.pathname.slice(prefix.length) || '/';
  const reply = await counted(forge, { actor, method, path, body }, () => {
    if (path === '/graphql' || path === '/api/graphql') return handleGraphql(forge, actor, body);
    return dispatch(router, { forge, actor, method, path, prefix, query: url.searchParams, body, accept: request.headers.accept ?? '' });
  });
  return { ...reply, headers: { ...forge.limiter.headers(actor), ...reply.headers } };
}

/** The limits of whoever asks; `GET /rate_limit` is free of them. */
async function counted(
  forge: Forge,
  { actor, ...request }: { actor: Actor; method: string; path: string; body: JsonObject },
  handle: () => Promise<Reply>,
): Promise<Reply> {
  let done: () => void = () => undefined;
  try {
    if (request.path !== '/rate_limit') done = forge.limiter.enter(actor, request);
    return await handle();
  } catch (error) {
    return faultReply(error);
  } finally {
    done();
  }
}

function failLate(response: ServerResponse, error: unknown): void {
  const reply = faultReply(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(reply.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(reply.json));
}
