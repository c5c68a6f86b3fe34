import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import type { LocalGitHub, LocalGitHubOptions } from '../../src/local/github/server.ts';
import { createLocalGitHub } from '../../src/local/github/server.ts';

export const WEBHOOK_SECRET = 'a webhook secret';
export const APP_ID = 77;

export interface Delivery {
  event: string;
  guid: string;
  signature: string;
  body: string;
  headers: Record<string, string | string[] | undefined>;
  payload: Record<string, unknown> & { action?: string };
}

export interface Stand {
  url: string;
  privateKey: string;
  dataDir: string;
  maintainer: Octokit;
  visitor: Octokit;
  anonymous: Octokit;
  /** As the App itself, and as its installation. */
  app: Octokit;
  installation(options?: Record<string, unknown>): Promise<{ octokit: Octokit; token: string }>;
  deliveries: Delivery[];
  /** Names of what was delivered since the last call, as `issues.opened`. */
  delivered(): Promise<string[]>;
  last(event: string, action?: string): Promise<Delivery>;
  /** The limits that were passed. */
  violations(): string[];
  /** What the receiver answers from now on. */
  answerWith(status: number): void;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export function signJwt(claims: Record<string, unknown>, privateKey: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(privateKey, 'base64url')}`;
}

function appJwt(privateKey: string): string {
  const now = Math.floor(Date.now() / 1000);
  return signJwt({ iss: APP_ID, iat: now - 60, exp: now + 540 }, privateKey);
}

interface Receiver {
  server: Server;
  url: string;
  deliveries: Delivery[];
  answer: { status: number };
}

async function startReceiver(): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const answer = { status: 202 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const header = (name: string) => String(request.headers[name]);
      deliveries.push({
        event: header('x-github-event'),
        guid: header('x-github-delivery'),
        signature: header('x-hub-signature-256'),
        body,
        headers: request.headers,
        payload: JSON.parse(body) as Delivery['payload'],
      });
      response.writeHead(answer.status).end('{"status":"accepted"}');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, deliveries, answer };
}

/** Sockets that clients kept from before the restart fail once; after that they are new. */
async function reconnect(url: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answered = await fetch(`${url}/rate_limit`).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    );
    if (answered !== undefined) return;
  }
  throw new Error('the server did not come back');
}

const QUIET = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A local GitHub with a receiver for its webhooks and a client for everybody. */
export async function startStand(limited: Pick<LocalGitHubOptions, 'limits' | 'now'> = {}): Promise<Stand> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'local-github-'));
  const receiver = await startReceiver();
  const start = (port: number) =>
    createLocalGitHub({ ...limited, port, dataDir, app: { id: APP_ID, privateKey, webhookSecret: WEBHOOK_SECRET }, webhookUrl: receiver.url });
  let github: LocalGitHub = await start(0);
  const { url, port } = github;
  const client = (auth?: string) => new Octokit({ baseUrl: url, log: QUIET, ...(auth === undefined ? {} : { auth }) });
  const app = client(appJwt(privateKey));
  let seen = 0;
  return {
    url,
    privateKey,
    dataDir,
    app,
    deliveries: receiver.deliveries,
    maintainer: client('maintainer-token'),
    visitor: client('visitor-token'),
    anonymous: client(),
    async installation(options = {}) {
      const { data } = await app.request('POST /app/installations/{installation_id}/access_tokens', { installation_id: 5001, ...options });
      return { octokit: client(data.token), token: data.token };
    },
    async delivered() {
      await github.idle();
      const fresh = receiver.deliveries.slice(seen).map(({ event, payload }) => (payload.action === undefined ? event : `${event}.${payload.action}`));
      seen = receiver.deliveries.length;
      return fresh;
    },
    async last(event, action) {
      await github.idle();
      const found = receiver.deliveries.findLast((delivery) => delivery.event === event && (action === undefined || delivery.payload.action === action));
      if (found === undefined) throw new Error(`no ${event} was delivered`);
      return found;
    },
    violations: () => github.violations.map(({ limit }) => limit),
    answerWith(status) {
      receiver.answer.status = status;
    },
    async restart() {
      await github.close();
      github = await start(port);
      await reconnect(url);
    },
    async stop() {
      await github.close();
      receiver.server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export const SHOP = { owner: 'acme', repo: 'shop' };

/** A new branch of a repository with one changed file, made through the API. */
export async function pushFile(octokit: Octokit, target: { owner: string; repo: string; branch: string; path: string; content: string }): Promise<string> {
  const { owner, repo, branch, path } = target;
  const { data: repository } = await octokit.rest.repos.get({ owner, repo });
  const { data: base } = await octokit.rest.git.getRef({ owner, repo, ref: `heads/${repository.default_branch}` });
  await octokit.rest.git.createRef({ owner, repo, ref: `refs/heads/${branch}`, sha: base.object.sha }).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes('already exists')) throw error;
  });
  const existing = await octokit.rest.repos.getContent({ owner, repo, path, ref: branch }).then(
    ({ data }) => (Array.isArray(data) ? undefined : data.sha),
    () => undefined,
  );
  const { data } = await octokit.rest.repos.createOrUpdateFileContents({
    owner,
    repo,
    path,
    branch,
    message: `change ${path}`,
    content: Buffer.from(target.content).toString('base64'),
    ...(existing === undefined ? {} : { sha: existing }),
  });
  return data.commit.sha ?? '';
}

/** The status and body of the error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<{ status: number; message: string; data: Record<string, unknown> }> {
  try {
    await call;
  } catch (error) {
    const { status, response, message } = error as { status: number; message: string; response?: { data: Record<string, unknown> } };
    return { status, message, data: response?.data ?? {} };
  }
  throw new Error('the call was expected to fail');
}
