import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setInEnvFile } from '../../src/spawn/services/env-file.ts';
import { vercel } from '../../src/spawn/services/vercel.ts';
import { servicePlace, type Request, type ServicePlace } from './services-support.ts';

let place: ServicePlace;
let folder: string;

beforeEach(() => {
  place = servicePlace();
  ({ folder } = place);
});

afterEach(() => place.close());

describe('--vercel', () => {
  interface Found {
    project?: Record<string, unknown>;
    /** Of a plain one the value is told. */
    variables?: (string | { key: string; value: string })[];
    set?: object;
    /** Takes the place of the answer to this variable. */
    refuse?: (key: string) => [number, object] | undefined;
  }

  /** A project of the child's name, or none. */
  async function startVercel({ project, variables = [], set = { created: {}, failed: [] }, refuse = () => undefined }: Found = {}) {
    const all = variables.map((one) => (typeof one === 'string' ? { key: one } : one));
    let found = project && { id: 'prj_1', accountId: 'team_1', name: 'my-shop', ...project };
    return place.serve(({ method, path, body }) => {
      const [route = ''] = path.split('?');
      if (method === 'GET' && /^\/v9\/projects\/(?:my-shop|prj_1)$/.test(route)) return found ? [200, found] : [404, { error: { message: 'Not found' } }];
      if (method === 'POST' && route === '/v11/projects') {
        found = { id: 'prj_1', accountId: 'team_1', name: String(body['name']) };
        return [200, found];
      }
      if (route !== '/v10/projects/prj_1/env') return [400, { error: { message: path } }];
      if (method === 'GET') return [200, { envs: all }];
      const key = String(body['key']);
      const refused = refuse(key);
      if (refused !== undefined) return refused;
      all.push(body['type'] === 'plain' ? { key, value: String(body['value']) } : { key });
      return path.includes('upsert=true') ? [201, set] : [400, {}];
    });
  }

  type Started = Awaited<ReturnType<typeof startVercel>>;
  const child = ({ url }: Started, env: Record<string, string> = {}) => place.child({ VERCEL_TOKEN: 'token', VERCEL_API_URL: url, ...env });
  const sets = ({ requests }: Started) => requests.filter(({ method, path }) => method === 'POST' && path.includes('/env'));
  const isMark = ({ body }: Request) => body['key'] === 'BANYAN_CHILD';
  const sent = (service: Started) => sets(service).filter((request) => !isMark(request));
  const mark = (value: string) => ({ key: 'BANYAN_CHILD', value });

  beforeEach(() => setInEnvFile(folder, { CRON_SECRET: 'hush' }));

  it('creates the project once, sets what the file has, and says what is missing', async () => {
    const service = await startVercel();
    const { requests } = service;
    await setInEnvFile(folder, { GITHUB_APP_ID: '42', CRON_SECRET: 'x y', PRIVATE_NOTE: 'stays here' });
    await setInEnvFile(folder, { OPENAI_API_KEY: 'sk-1' });
    const mine = child(service, { VERCEL_TEAM_ID: 'team_1' });
    const first = (await vercel.run(mine)).join('\n');
    expect(first).toMatch(/my-shop is created and linked; 3 variables/);
    expect(first).toMatch(/missing: .*SUPABASE_URL/);
    expect(first).not.toMatch(/sk-1|x y/);
    const set = sent(service).map(({ body }) => [body['key'], body['value'], body['type']]);
    expect(set.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ['CRON_SECRET', 'x y', 'sensitive'],
      ['GITHUB_APP_ID', '42', 'sensitive'],
      ['OPENAI_API_KEY', 'sk-1', 'sensitive'],
    ]);
    expect(sets(service)[0]?.body).toEqual({ key: 'BANYAN_CHILD', value: 'acme/my-shop', type: 'plain', target: ['production'] });
    expect(requests.every(({ path, authorization }) => path.includes('teamId=team_1') && authorization === 'Bearer token')).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, '.vercel/project.json'), 'utf8'))).toMatchObject({ projectId: 'prj_1', orgId: 'team_1' });
    expect((await vercel.run(mine)).join('\n')).toMatch(/was there already and linked/);
    expect(requests.filter(({ path }) => path.startsWith('/v11/')).length).toBe(1);
  });

  const APP = ['GITHUB_APP_ID', 'GITHUB_APP_PRIVATE_KEY', 'GITHUB_WEBHOOK_SECRET'];

  it.each<[string, Found, string]>([
    ['deploys another repository', { project: { link: { type: 'github', org: 'acme', repo: 'old-shop' } } }, 'deploys the repository acme/old-shop'],
    ['is deployed from elsewhere', { project: { link: { type: 'gitlab', projectName: 'my-shop' } } }, 'deploys a repository at gitlab'],
    ['has deployments', { project: { latestDeployments: [{ id: 'dpl_1' }] } }, 'has deployments or variables of something else'],
    ['has other variables', { project: {}, variables: ['STRIPE_KEY'] }, 'has deployments or variables of something else'],
    ["has Vercel's and Supabase's own names", { project: {}, variables: ['CRON_SECRET', 'SUPABASE_URL'] }, 'has deployments or variables of something else'],
    ['is an App, too', { project: {}, variables: [...APP, 'STRIPE_KEY'] }, 'has deployments or variables of something else'],
    ['has a mark that Vercel does not show', { project: {}, variables: [...APP, 'BANYAN_CHILD'] }, 'has a BANYAN_CHILD that cannot be read'],
    ["has another child's mark", { project: {}, variables: [...APP, mark('bolt/my-shop')] }, 'is of the child bolt/my-shop'],
  ])('gives no secret to a project of the same name that %s', async (_name, found, why) => {
    const service = await startVercel(found);
    await expect(vercel.run(child(service))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(why) as string,
      fix: expect.stringContaining('npx vercel link --project my-shop') as string,
    });
    expect(sets(service)).toEqual([]);
    // Who says that it is the one has linked it.
    place.write('.vercel/project.json', '{"projectId":"prj_1","orgId":"team_1"}');
    await vercel.run(child(service));
    expect(sent(service)).toHaveLength(1);
    expect(service.requests.at(-1)?.path).toContain('teamId=team_1');
  });

  it.each<[string, Found]>([
    ['deploys this repository', { project: { link: { type: 'github', org: 'Acme', repo: 'my-shop' }, latestDeployments: [{}] } }],
    ['has the mark of an earlier run', { project: { latestDeployments: [{}] }, variables: [mark('Acme/my-shop'), 'STRIPE_KEY'] }],
    ['has the mark of a run before its account was known', { project: {}, variables: [mark('my-shop')] }],
    ['has what a run of an earlier version has set', { project: { latestDeployments: [{}] }, variables: [...APP, 'CRON_SECRET'] }],
    ['is empty', { project: {} }],
  ])('takes a project of its name that %s', async (_name, found) => {
    const service = await startVercel(found);
    expect((await vercel.run(child(service))).join('\n')).toMatch(/was there already and linked; 1 variables/);
  });

  it('goes on where it was cut off, whatever was set by then, also from another checkout', async () => {
    let left = 1;
    const service = await startVercel({
      project: {},
      refuse: (key) => (key === 'SUPABASE_URL' && left-- > 0 ? [500, { error: { message: 'boom' } }] : undefined),
    });
    await setInEnvFile(folder, { SUPABASE_URL: 'https://x.supabase.co' });
    await expect(vercel.run(child(service))).rejects.toThrowError(/setting SUPABASE_URL: boom/);
    rmSync(join(folder, '.vercel'), { recursive: true });
    expect((await vercel.run(child(service))).join('\n')).toMatch(/was there already and linked; 2 variables/);
    expect(isMark(sets(service)[0]!)).toBe(true);
  });

  it('sets nothing that only the shell has, and says so, in a dry run, too', async () => {
    const service = await startVercel();
    const ofShell = { SUPABASE_URL: 'https://of-the-shell.supabase.co', ANTHROPIC_API_KEY: 'sk-of-the-shell', GITHUB_API_URL: 'https://github.shell.test' };
    const done = (await vercel.run(child(service, ofShell))).join('\n');
    expect(sent(service).map(({ body }) => [body['key'], body['value']])).toEqual([['CRON_SECRET', 'hush']]);
    expect(done).toMatch(/Still missing: GITHUB_APP_ID, .*SUPABASE_URL/);
    expect(done).toMatch(/Only this shell has: SUPABASE_URL, ANTHROPIC_API_KEY, GITHUB_API_URL\. .*\.env\.local/);
    expect(done).not.toMatch(/of-the-shell|github\.shell/);
    const plan = vercel.plan(child(service)).join('\n');
    expect(plan).toMatch(/what \.env\.local has of: GITHUB_APP_ID/);
    expect(plan).not.toContain('shell');
    expect(plan).toContain('BANYAN_CHILD');
  });

  it('knows a team by its slug, and refuses another one than that of the link', async () => {
    const service = await startVercel();
    await vercel.run(child(service, { VERCEL_TEAM_ID: 'acme' }));
    expect(service.requests.every(({ path }) => path.includes('slug=acme'))).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, '.vercel/project.json'), 'utf8'))).toMatchObject({ orgId: 'team_1' });
    await expect(vercel.run(child(service, { VERCEL_TEAM_ID: 'team_2' }))).rejects.toThrowError(
      /VERCEL_TEAM_ID is team_2, and this folder is linked to a project of team_1/,
    );
  });

  const FAILED: [number, object] = [201, { created: [], failed: [{ error: { code: 'X', message: 'bad value hush', value: 'hush' } }] }];

  it('says that a linked project is gone, that a link is none, and what Vercel refuses, without the value', async () => {
    const gone = await startVercel();
    place.write('.vercel/project.json', '{"projectId":"prj_9"}');
    const { url } = await place.serve(() => [404, { error: { message: 'Not found' } }]);
    await expect(vercel.run(child(gone, { VERCEL_API_URL: url }))).rejects.toThrowError(/prj_9 that this folder is linked to is not there/);
    place.write('.vercel/project.json', '{');
    await expect(vercel.run(child(gone))).rejects.toThrowError(/names no project/);
    place.write('.vercel/project.json', '{"projectId":"prj_1"}');
    const refusing = await startVercel({ project: {}, refuse: (key) => (key === 'CRON_SECRET' ? FAILED : undefined) });
    await expect(vercel.run(child(refusing))).rejects.toThrowError(/^Vercel: setting CRON_SECRET: bad value \*\*\*\.$/);
  });

  it.each<[string, (value: string) => object | string]>([
    ['in its message', (value) => ({ error: { message: `value ${value} is bad` } })],
    ['as JSON in a text', (value) => ({ error: { message: `bad body {"value":${JSON.stringify(value)}}` } })],
    ['in a page of a proxy, where the line would be cut', (value) => `${'x'.repeat(290)} ${value}`],
  ])('shows no secret that Vercel repeats %s, this one or another of the file', async (_name, repeat) => {
    place.write('.vercel/project.json', '{"projectId":"prj_1"}');
    const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq1w2e3r4t5y6u7i8o9\n-----END RSA PRIVATE KEY-----';
    const [connection, short] = ['postgres://postgres:Tr0ub4dor-and-3@db.invalid/postgres', 'pin5'];
    await setInEnvFile(folder, { GITHUB_APP_PRIVATE_KEY: key, DATABASE_URL: connection, CRON_SECRET: short });
    for (const value of [key, connection, 'Tr0ub4dor-and-3', short, 'token-of-vercel']) {
      const { url } = await place.serve(({ method, body }) => {
        if (method === 'GET') return [200, { id: 'prj_1', name: 'my-shop' }];
        return body['key'] === 'BANYAN_CHILD' ? [201, {}] : [400, repeat(value)];
      });
      const error = await vercel.run(place.child({ VERCEL_TOKEN: 'token-of-vercel', VERCEL_API_URL: url })).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: expect.stringMatching(/setting GITHUB_APP_PRIVATE_KEY: .+ \(400\)/) as string });
      for (const part of [...value.split('\n').slice(1, 3), value.slice(0, 9)].filter((text) => !text.startsWith('-----') && !text.startsWith('postgres')))
        expect((error as Error).message).not.toContain(part);
    }
  });

  it('names the token that is missing, and repeats what Vercel says of a wrong one', async () => {
    await expect(vercel.run(place.child({}))).rejects.toThrowError(/VERCEL_TOKEN is not set/);
    const { url } = await place.serve(() => [403, { error: { message: 'Not authorized' } }]);
    await expect(vercel.run(place.child({ VERCEL_TOKEN: 't', VERCEL_API_URL: url }))).rejects.toThrowError(/Not authorized \(403\)/);
  });
});
