import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { app } from '../../src/spawn/services/app.ts';
import { readEnvFile, setInEnvFile } from '../../src/spawn/services/env-file.ts';
import { github } from '../../src/spawn/services/github.ts';
import type { Child } from '../../src/spawn/services/step.ts';
import { supabase } from '../../src/spawn/services/supabase.ts';
import { vercel } from '../../src/spawn/services/vercel.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { cleanEnvironment } from './support.ts';

let folder: string;
let said: string[];
let servers: Server[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-services-'));
  said = [];
  servers = [];
});

afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

function childWith(env: Record<string, string>, changes: Partial<Child> = {}): Child {
  const answers = parseAnswers({ name: 'my-shop', domain: 'e-commerce', agents: ['qa'], owner: 'acme' }, 'answers');
  return {
    folder,
    answers,
    url: undefined,
    env: { ...cleanEnvironment(folder), ...env },
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    ...changes,
  };
}

interface Request {
  method: string;
  path: string;
  authorization: string;
  body: Record<string, unknown>;
}

type Answer = [status: number, body: unknown];

/** A service in the place of the real one, at the wire. */
async function serve(answer: (request: Request) => Answer): Promise<{ url: string; requests: Request[] }> {
  const requests: Request[] = [];
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, path: url, authorization: headers.authorization ?? '', body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
      requests.push(request);
      const [status, body] = answer(request);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function git(...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.invalid', ...args], {
    cwd: folder,
    env: cleanEnvironment(folder),
    encoding: 'utf8',
  }).trim();
}

function commit(name: string): void {
  writeFileSync(join(folder, name), name);
  git('add', '--', name);
  git('commit', '-q', '-m', name);
}

describe('--github', () => {
  let stand: Stand;

  beforeEach(async () => {
    stand = await startStand();
    git('init', '-q');
    git('symbolic-ref', 'HEAD', 'refs/heads/main');
    commit('a');
  });

  afterEach(() => stand.stop());

  const child = () => childWith({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: 'maintainer-token' });

  it('creates the repository and pushes; again, it says that all is there; later, it pushes what is new', async () => {
    expect((await github.run(child())).join('\n')).toMatch(/acme\/my-shop created; main is pushed/);
    const head = async () => (await stand.maintainer.rest.repos.getBranch({ owner: 'acme', repo: 'my-shop', branch: 'main' })).data.commit.sha;
    expect(await head()).toBe(git('rev-parse', 'HEAD'));
    expect(git('remote', 'get-url', 'origin')).toMatch(/acme\/my-shop\.git$/);
    expect(readFileSync(join(folder, '.git/config'), 'utf8')).not.toContain('maintainer-token');
    expect((await github.run(child())).join('\n')).toMatch(/was there already; it has this commit/);
    commit('b');
    expect((await github.run(child())).join('\n')).toMatch(/was there already; main is pushed/);
    expect(await head()).toBe(git('rev-parse', 'HEAD'));
  });

  it('takes a repository that is empty, and stops at one with a history of its own', async () => {
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'my-shop' });
    expect((await github.run(child())).join('\n')).toMatch(/was there already; main is pushed/);
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'other', auto_init: true });
    const other = child();
    await expect(github.run({ ...other, answers: { ...other.answers, name: 'other' } })).rejects.toThrowError(/acme\/other has a history of its own/);
  });

  it('names the token that is missing, and the right that is', async () => {
    await expect(github.run(childWith({ GITHUB_API_URL: stand.url }))).rejects.toThrowError(expect.objectContaining({ data: { field: 'GITHUB_TOKEN' } }));
    await expect(github.run(childWith({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: 'visitor-token' }))).rejects.toThrowError(/creating acme\/my-shop: .*\(403\)/);
  });
});

describe('--app', () => {
  const PEM = '-----BEGIN RSA PRIVATE KEY-----\nabc+/=\n-----END RSA PRIVATE KEY-----\n';

  function startForge() {
    return serve(({ method, path }) => {
      if (path === '/users/acme') return [200, { type: 'Organization' }];
      if (method === 'POST' && path === '/app-manifests/the-code/conversions') {
        return [201, { id: 42, slug: 'my-shop-abc', html_url: 'https://github.test/apps/my-shop-abc', pem: PEM, webhook_secret: 'hush' }];
      }
      return [404, { message: 'Not Found' }];
    });
  }

  /** What a person's browser does: opens the page, sends its form to GitHub, and comes back with a code. */
  async function press(): Promise<{ action: string; manifest: Record<string, unknown>; back: (query: string) => Promise<number> }> {
    await expect.poll(() => said.length).toBeGreaterThan(0);
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said[0]!)![0];
    const page = await (await fetch(address)).text();
    const plain = (text: string) => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
    const manifest = JSON.parse(plain(/name="manifest" value="([^"]*)"/.exec(page)![1]!)) as Record<string, unknown>;
    const back = async (query: string) => (await fetch(`${String(manifest['redirect_url'])}?${query}`)).status;
    return { action: plain(/action="([^"]*)"/.exec(page)![1]!), manifest, back };
  }

  it('registers the App by its manifest and keeps the keys for their owner, shown nowhere', async () => {
    const forge = await startForge();
    const done = app.run(childWith({ GITHUB_API_URL: forge.url }, { url: 'https://shop.test' }));
    const { action, manifest, back } = await press();
    expect(action).toContain(`${forge.url}/organizations/acme/settings/apps/new?state=`);
    expect(manifest).toMatchObject({
      hook_attributes: { url: 'https://shop.test/api/github/webhook', active: true },
      default_permissions: { contents: 'write', issues: 'write', pull_requests: 'write', checks: 'write', metadata: 'read' },
      default_events: ['issues', 'issue_comment', 'pull_request'],
      public: false,
    });
    const state = new URL(action).searchParams.get('state')!;
    expect(await back('code=the-code&state=guessed')).toBe(400);
    expect(await back(`code=the-code&state=${state}`)).toBe(200);
    const lines = await done;
    expect([...lines, ...said].join('\n')).not.toMatch(/hush|abc\+/);
    expect(statSync(join(folder, '.env.local')).mode & 0o777).toBe(0o600);
    const written = await readEnvFile(folder);
    expect(written).toMatchObject({ GITHUB_APP_ID: '42', GITHUB_WEBHOOK_SECRET: 'hush', CRON_SECRET: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(written['GITHUB_APP_PRIVATE_KEY']?.replaceAll(String.raw`\n`, '\n')).toBe(PEM);
    expect((await app.run(childWith({ GITHUB_API_URL: forge.url }))).join('\n')).toMatch(/has an App already \(42\)/);
  });

  it('ends with the signal while it waits', async () => {
    const forge = await startForge();
    const controller = new AbortController();
    const done = app.run(childWith({ GITHUB_API_URL: forge.url }, { signal: controller.signal }));
    await press();
    controller.abort();
    await expect(done).rejects.toThrowError(expect.objectContaining({ data: { stopped: true } }));
  });
});

describe('--vercel', () => {
  it('creates the project once, sets what the file has, and says what is missing', async () => {
    const projects = new Map<string, object>();
    const { url, requests } = await serve(({ method, path, body }) => {
      if (method === 'GET' && path.startsWith('/v9/projects/my-shop'))
        return projects.has('my-shop') ? [200, projects.get('my-shop')] : [404, { error: { message: 'Not found' } }];
      if (method === 'POST' && path.startsWith('/v11/projects')) {
        projects.set(String(body['name']), { id: 'prj_1', accountId: 'team_1', name: body['name'] });
        return [200, projects.get('my-shop')];
      }
      return path.startsWith('/v10/projects/prj_1/env?') && path.includes('upsert=true') ? [201, {}] : [400, { error: { message: path } }];
    });
    await setInEnvFile(folder, { GITHUB_APP_ID: '42', CRON_SECRET: 'x y', PRIVATE_NOTE: 'stays here' });
    const child = childWith({ VERCEL_TOKEN: 'token', VERCEL_API_URL: url, VERCEL_TEAM_ID: 'team_1', OPENAI_API_KEY: 'sk-1' });
    const first = (await vercel.run(child)).join('\n');
    expect(first).toMatch(/my-shop is created and linked; 3 variables/);
    expect(first).toMatch(/missing: .*SUPABASE_URL/);
    expect(first).not.toMatch(/sk-1|x y/);
    const set = requests.filter(({ path }) => path.includes('/env')).map(({ body }) => [body['key'], body['value'], body['type']]);
    expect(set.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ['CRON_SECRET', 'x y', 'sensitive'],
      ['GITHUB_APP_ID', '42', 'sensitive'],
      ['OPENAI_API_KEY', 'sk-1', 'sensitive'],
    ]);
    expect(requests.every(({ path, authorization }) => path.includes('teamId=team_1') && authorization === 'Bearer token')).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, '.vercel/project.json'), 'utf8'))).toMatchObject({ projectId: 'prj_1', orgId: 'team_1' });
    expect((await vercel.run(child)).join('\n')).toMatch(/was there already and linked/);
    expect(requests.filter(({ path }) => path.startsWith('/v11/')).length).toBe(1);
  });

  it('names the token that is missing, and repeats what Vercel says of a wrong one', async () => {
    await expect(vercel.run(childWith({}))).rejects.toThrowError(/VERCEL_TOKEN is not set/);
    const { url } = await serve(() => [403, { error: { message: 'Not authorized' } }]);
    await expect(vercel.run(childWith({ VERCEL_TOKEN: 't', VERCEL_API_URL: url }))).rejects.toThrowError(/Not authorized \(403\)/);
  });
});

describe('--supabase', () => {
  it('names the variable that is missing', async () => {
    await expect(supabase.run(childWith({}))).rejects.toThrowError(/DATABASE_URL is not set/);
  });
});

describe('.env.local', () => {
  it('keeps what stands there, and replaces its own', async () => {
    writeFileSync(join(folder, '.env.local'), '# mine\nA=1\nCRON_SECRET=old\n\nB=2\n');
    await setInEnvFile(folder, { CRON_SECRET: 'new' });
    expect(readFileSync(join(folder, '.env.local'), 'utf8')).toBe('# mine\nA=1\n\nB=2\nCRON_SECRET=new\n');
    expect(statSync(join(folder, '.env.local')).mode & 0o777).toBe(0o600);
  });
});
