import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngineParts, createHandlers } from '../../src/app.ts';
import type { Handlers } from '../../src/app.ts';
import { CHECKS } from '../../src/doctor/checks.ts';
import { examine } from '../../src/doctor/examine.ts';
import { createSubject } from '../../src/doctor/subject.ts';
import type { SubjectOptions } from '../../src/doctor/subject.ts';
import type { Result } from '../../src/doctor/types.ts';
import { EVENTS } from '../../src/domain/intake.ts';
import { PERMISSIONS } from '../../src/github/permissions.ts';
import { createLocalGitHub } from '../../src/local/github/server.ts';
import type { LocalGitHub, LocalGitHubOptions } from '../../src/local/github/server.ts';
import { listen } from '../../src/local/http.ts';
import { waitFor } from '../local/support.ts';
import { MIGRATIONS } from '../support/database.ts';

export type Source = Record<string, string | undefined>;

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const APP = { id: 1, privateKey, webhookSecret: 'webhook-b7f1d0c2a94e8356' };
const KEYS = { publishable: 'sb_publishable_0123456789abcdef', secret: 'sb_secret_0123456789abcdef' };

export interface Installation {
  /** The variables of the deployment, all of them right. */
  source: Source;
  github: LocalGitHub;
  handlers: Handlers;
  /** Checks by their id, of the deployment with other variables, or looked at in another way. */
  look(ids: string[], change?: Source, options?: Partial<SubjectOptions>): Promise<Result[]>;
  /** Another GitHub, with the App made otherwise. */
  otherGitHub(app: Partial<LocalGitHubOptions['app']>): Promise<LocalGitHub>;
  close(): Promise<void>;
}

const ROUTES: [RegExp, keyof Handlers][] = [
  [/^\/api\/github\/webhook$/, 'webhook'],
  [/^\/api\/cron\//, 'cron'],
  [/^\/api\/health$/, 'health'],
  [/^\/api\/worker$/, 'worker'],
];

/** In a process of its own: it prints every request that it refuses. */
async function startSupabase(dataDir: string): Promise<{ url: string; close(): Promise<void> }> {
  const main = fileURLToPath(new URL('../../src/local/supabase/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, JSON.stringify({ port: 0, dataDir, migrations: [MIGRATIONS], keys: KEYS })], {
    env: { PATH: process.env['PATH'], DO_NOT_TRACK: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const url = await waitFor('the embedded Supabase', () => /^listening (\S+)/m.exec(text)?.[1], 80_000);
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** The whole of an installation: the functions and the local GitHub in this process, the embedded Supabase beside it, all over HTTP. */
export async function startInstallation(): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'banyan-doctor-'));
  const place = (name: string) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  const supabase = await startSupabase(place('supabase'));
  const source: Source = {};
  const handlers = createHandlers({ waitUntil: () => undefined, deadline: () => undefined }, source);
  const app = await listen({
    port: 0,
    handle: async (request) => {
      const name = ROUTES.find(([path]) => path.test(new URL(request.url).pathname))?.[1];
      return name ? handlers[name](request) : new Response('no such page', { status: 404 });
    },
    maxBodyBytes: 1_000_000,
    tooLarge: () => new Response(null, { status: 413 }),
  });
  const closing: (() => Promise<unknown>)[] = [];
  const openGitHub = async (name: string, change: Partial<LocalGitHubOptions['app']>) => {
    const github = await createLocalGitHub({
      port: 0,
      dataDir: place(name),
      app: { ...APP, permissions: PERMISSIONS, events: EVENTS, ...change },
      webhookUrl: `${app.url}/api/github/webhook`,
    });
    closing.push(() => github.close());
    return github;
  };
  const github = await openGitHub('github', {});
  Object.assign(source, {
    BANYAN_URL: app.url,
    GITHUB_API_URL: github.url,
    GITHUB_APP_ID: String(APP.id),
    GITHUB_APP_PRIVATE_KEY: APP.privateKey,
    GITHUB_WEBHOOK_SECRET: APP.webhookSecret,
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: KEYS.secret,
    SUPABASE_PUBLISHABLE_KEY: KEYS.publishable,
    CRON_SECRET: 'cron-5b0e8d6f7a2c41b3',
    BANYAN_GITHUB_LIMITS: 'off',
    BANYAN_LOG_LEVEL: 'silent',
  });
  return {
    source,
    github,
    handlers,
    async look(ids, change = {}, options = {}) {
      const subject = createSubject({
        source: { ...source, ...change },
        local: false,
        parts: createEngineParts,
        migrations: [MIGRATIONS],
        node: { version: process.version, engines: '^22.18.0 || ^24.0.0' },
        ...options,
      });
      return examine(
        CHECKS.filter(({ id }) => ids.includes(id)),
        subject,
      );
    },
    otherGitHub: (change) => openGitHub(`github-${closing.length}`, change),
    async close() {
      await Promise.all(closing.map((end) => end()));
      await app.close(1000);
      await supabase.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
