import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { app } from '../../src/spawn/services/app.ts';
import { readEnvFile, setInEnvFile } from '../../src/spawn/services/env-file.ts';
import { github } from '../../src/spawn/services/github.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { servicePlace, type ServicePlace } from './services-support.ts';

let place: ServicePlace;
let folder: string;
let said: string[];

beforeEach(() => {
  place = servicePlace();
  ({ folder, said } = place);
});

afterEach(() => place.close());

describe('--github', () => {
  let stand: Stand;

  beforeEach(async () => {
    stand = await startStand();
    place.git('init', '-q');
    place.git('symbolic-ref', 'HEAD', 'refs/heads/main');
    place.commit('a');
  });

  afterEach(() => stand.stop());

  const child = () => place.child({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: 'maintainer-token' });

  it('creates the repository and pushes; again, it says that all is there; later, it pushes what is new', async () => {
    expect((await github.run(child())).join('\n')).toMatch(/acme\/my-shop created; main is pushed/);
    const head = async () => (await stand.maintainer.rest.repos.getBranch({ owner: 'acme', repo: 'my-shop', branch: 'main' })).data.commit.sha;
    expect(await head()).toBe(place.git('rev-parse', 'HEAD'));
    expect(place.git('remote', 'get-url', 'origin')).toMatch(/acme\/my-shop\.git$/);
    expect(readFileSync(join(folder, '.git/config'), 'utf8')).not.toContain('maintainer-token');
    expect((await github.run(child())).join('\n')).toMatch(/was there already; it has this commit/);
    place.commit('b');
    expect((await github.run(child())).join('\n')).toMatch(/was there already; main is pushed/);
    expect(await head()).toBe(place.git('rev-parse', 'HEAD'));
  });

  it('takes a repository that is empty, and stops at one with a history of its own', async () => {
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'my-shop' });
    expect((await github.run(child())).join('\n')).toMatch(/was there already; main is pushed/);
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'other', auto_init: true });
    place.git('remote', 'remove', 'origin');
    const other = child();
    await expect(github.run({ ...other, answers: { ...other.answers, name: 'other' } })).rejects.toThrowError(/acme\/other has a history of its own/);
  });

  it('pushes main, whatever is checked out', async () => {
    await github.run(child());
    const main = place.git('rev-parse', 'HEAD');
    place.git('checkout', '-q', '-b', 'feature');
    place.commit('unreviewed');
    expect((await github.run(child())).join('\n')).toMatch(/it has this commit/);
    expect((await stand.maintainer.rest.repos.getBranch({ owner: 'acme', repo: 'my-shop', branch: 'main' })).data.commit.sha).toBe(main);
  });

  it('pushes no repository of which the child is a folder, and makes no second one beside that of origin', async () => {
    place.write('children/shop/package.json', '{}');
    const inner = { ...child(), folder: join(folder, 'children/shop') };
    await expect(github.run(inner)).rejects.toThrowError(/the child is the folder children\/shop\/ of the repository/);
    place.git('remote', 'add', 'origin', 'git@github.com:other-account/my-shop.git');
    await expect(github.run(child())).rejects.toMatchObject({
      message: expect.stringContaining('the remote origin is other-account/my-shop') as string,
      fix: expect.stringContaining('--owner other-account') as string,
    });
    await expect(stand.maintainer.rest.repos.get({ owner: 'acme', repo: 'my-shop' })).rejects.toMatchObject({ status: 404 });
  });

  it('finds its repository again by origin, where the book names no account', async () => {
    const nobodys = () => ({ ...child(), answers: { ...child().answers, owner: '' } });
    await github.run(child());
    expect((await github.run(nobodys())).join('\n')).toMatch(/acme\/my-shop was there already; it has this commit/);
    await expect(stand.maintainer.rest.repos.get({ owner: 'maintainer', repo: 'my-shop' })).rejects.toMatchObject({ status: 404 });
  });

  it('says that what was there is public', async () => {
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'my-shop', private: false });
    expect((await github.run(child())).join('\n')).toMatch(/It is public/);
  });

  it.each([
    ['a page', [200, '<html>Sign in'], /who the token belongs to: the answer is not understood/],
    ['half an answer', 'half', /cannot be reached/],
    ['a wrong token', [401, { message: 'Bad credentials' }], /Bad credentials \(401\)/],
  ] as const)('says what is wrong with %s', async (_name, answer, message) => {
    const { url } = await place.serve(() => (answer === 'half' ? answer : [...answer]));
    await expect(github.run(place.child({ GITHUB_API_URL: url, GITHUB_TOKEN: 't' }))).rejects.toMatchObject({
      name: 'BanyanError',
      message: expect.stringMatching(message) as string,
    });
  });

  it('names the token that is missing, and the right that is', async () => {
    await expect(github.run(place.child({ GITHUB_API_URL: stand.url }))).rejects.toThrowError(expect.objectContaining({ data: { field: 'GITHUB_TOKEN' } }));
    await expect(github.run(place.child({ GITHUB_API_URL: stand.url, GITHUB_TOKEN: 'visitor-token' }))).rejects.toThrowError(
      /creating acme\/my-shop: .*\(403\)/,
    );
  });
});

describe('--app', () => {
  const PEM = '-----BEGIN RSA PRIVATE KEY-----\nabc+/=\n-----END RSA PRIVATE KEY-----\n';

  function startForge() {
    return place.serve(({ method, path, authorization }) => {
      if (authorization !== '') return [401, { message: 'Bad credentials' }];
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
    // An old token in the shell is in nobody's way.
    const done = app.run(place.child({ GITHUB_API_URL: forge.url, GITHUB_TOKEN: 'expired' }, { url: 'https://shop.test' }));
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
    expect((await app.run(place.child({ GITHUB_API_URL: forge.url }))).join('\n')).toMatch(/has an App already \(42\)/);
  });

  it('answers only the address that it said', async () => {
    const forge = await startForge();
    const controller = new AbortController();
    const done = app.run(place.child({ GITHUB_API_URL: forge.url }, { signal: controller.signal }));
    const { port } = new URL((await press()).manifest['redirect_url'] as string);
    const status = await new Promise((resolve) =>
      get({ host: '127.0.0.1', port, path: '/', headers: { host: 'evil.test' } }, ({ statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(403);
    controller.abort();
    await expect(done).rejects.toMatchObject({ data: { stopped: true } });
  });

  it('opens no page for an account that is not there, nor where the keys would have no place', async () => {
    const forge = await startForge();
    const nobody = place.child({ GITHUB_API_URL: forge.url });
    await expect(app.run({ ...nobody, answers: { ...nobody.answers, owner: 'nobody' } })).rejects.toThrowError(
      /looking for the account nobody: Not Found \(404\)/,
    );
    place.git('init', '-q');
    await expect(app.run(place.child({ GITHUB_API_URL: forge.url }))).rejects.toThrowError(/not ignored by git/);
    place.write('.gitignore', '.env.*\n');
    place.git('add', '-f', '.env.local');
    await expect(app.run(place.child({ GITHUB_API_URL: forge.url }))).rejects.toThrowError(/not ignored by git/);
    expect(said).toEqual([]);
  });

  it('ends with the signal while it waits', async () => {
    const forge = await startForge();
    const controller = new AbortController();
    const done = app.run(place.child({ GITHUB_API_URL: forge.url }, { signal: controller.signal }));
    await press();
    controller.abort();
    await expect(done).rejects.toThrowError(expect.objectContaining({ data: { stopped: true } }));
  });
});

describe('.env.local', () => {
  const write = (text: string) => writeFileSync(join(folder, '.env.local'), text);
  const read = () => readFileSync(join(folder, '.env.local'), 'utf8');

  it('keeps what stands there, and replaces its own', async () => {
    write('# mine\nA=1\nCRON_SECRET=old\n\nB=2\n');
    await setInEnvFile(folder, { CRON_SECRET: 'new' });
    expect(read()).toBe('# mine\nA=1\n\nB=2\nCRON_SECRET=new\n');
    expect(statSync(join(folder, '.env.local')).mode & 0o777).toBe(0o600);
  });

  it('replaces a value over several lines whole, and one that is exported', async () => {
    write('GITHUB_APP_PRIVATE_KEY="-----BEGIN\nabc\n-----END"\nexport  CRON_SECRET = old\nB=2\nQ=\'open\nC=3\n');
    await setInEnvFile(folder, { GITHUB_APP_PRIVATE_KEY: 'x', CRON_SECRET: 'new' });
    expect(read()).toBe("B=2\nQ='open\nC=3\nGITHUB_APP_PRIVATE_KEY=x\nCRON_SECRET=new\n");
  });

  it('knows its lines by their names in a file of Windows', async () => {
    write('A=1\r\nCRON_SECRET="old"\r\n');
    await setInEnvFile(folder, { CRON_SECRET: 'new' });
    expect(parseEnv(read())).toEqual({ A: '1', CRON_SECRET: 'new' });
    expect(read()).not.toContain('old');
  });

  it.each(['', 'a b', 'a#b', "it's", 'say "it"', String.raw`back\nslash`, 'two\nlines', `"it's"`, 'sb_secret_x', '${HOME}', 'a=b=='])(
    'reads %j as it was written',
    async (value) => {
      await setInEnvFile(folder, { VALUE: value });
      expect(parseEnv(read())).toEqual({ VALUE: value });
    },
  );
});
