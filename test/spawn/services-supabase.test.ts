import { existsSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { VERSION } from '../../src/kernel/version.generated.ts';
import { BOOK_PATH, createBook, writeBook } from '../../src/spawn/book.ts';
import { readEnvFile, setInEnvFile } from '../../src/spawn/services/env-file.ts';
import { supabase, supabaseStep } from '../../src/spawn/services/supabase.ts';
import { readMigrations } from '../../src/store/migrate.ts';
import { MIGRATIONS, startPostgres, type TestDatabase, type TestPostgres } from '../support/database.ts';
import { servicePlace, type Answer, type Request, type Service, type ServicePlace } from './services-support.ts';
import { cleanEnvironment, start } from './support.ts';

const REF = 'abcdefghijklmnopqrst';
const OTHER = 'zyxwvutsrqponmlkjihg';
const TOKEN = 'sbp_0123456789abcdef';
const KEYS = [
  { name: 'anon', type: 'legacy', api_key: 'eyJ.legacy-anon-key-of-the-project' },
  { name: 'service_role', type: 'legacy', api_key: 'eyJ.legacy-service-key-of-the-project' },
  { name: 'mobile', type: 'publishable', api_key: 'sb_publishable_another-one-of-the-project' },
  { name: 'default', type: 'publishable', api_key: 'sb_publishable_default-of-the-project' },
  { name: 'default', type: 'secret', api_key: 'sb_secret_default-of-the-project' },
];

/** Quick enough for a test, and bounded all the same. */
const step = supabaseStep({ everyMs: 5, mostMs: 30_000 });

let server: TestPostgres;
let database: TestDatabase;
let place: ServicePlace;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.stop());

beforeEach(async () => {
  place = servicePlace();
  database = await server.createEmptyDatabase();
  place.write('package.json', '{"name":"my-shop"}');
  place.write('node_modules/banyan/package.json', '{"name":"banyan"}');
  place.write('node_modules/banyan/supabase/migrations/20260101000000_tickets.sql', 'create table public.tickets (id int);');
  place.write('supabase/migrations/20260102000000_shoes.sql', 'create table public.shoes (id int); insert into public.shoes values (1);');
});

afterEach(async () => {
  await place.close();
  await database.close();
});

const tables = async () =>
  (
    await database.pool.query<{ name: string }>("select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1")
  ).rows.map(({ name }) => name);
const book = async () =>
  (await database.pool.query<{ version: string }>('select version from supabase_migrations.schema_migrations order by 1')).rows.map(({ version }) => version);
const linked = () => readFileSync(join(place.folder, 'supabase/.temp/project-ref'), 'utf8');

interface Account {
  projects?: { ref: string; name: string; status?: string }[];
  organizations?: { id: string; slug?: string; name: string }[];
  keys?: object;
  /** What a project's state is at each look; the last one stays. */
  states?: (string | [number, object])[];
  /** Takes the place of an answer. */
  instead?: (request: Request) => Answer | undefined;
}

async function query(text: string): Promise<Answer> {
  try {
    // Named, it is prepared: several statements in one text are refused, as by a service that sends them so.
    const { rows } = await database.pool.query({ name: `q${Math.random()}`, text });
    return [201, rows];
  } catch (error) {
    return [400, { message: `Failed to run sql query: ERROR: ${(error as Error).message}` }];
  }
}

/** The Management API over a real database. */
function startSupabase({ projects = [], organizations = [{ id: 'org-id', slug: 'org-slug', name: 'Acme' }], keys = KEYS, states = [], instead }: Account = {}) {
  const all = projects.map((project) => ({ status: 'ACTIVE_HEALTHY', ...project, organization_id: 'org-id' }));
  const left = [...states];
  return place.serve((request) => {
    const given = instead?.(request);
    if (given !== undefined) return given;
    const { method, path, authorization, body } = request;
    if (authorization !== `Bearer ${TOKEN}`) return [401, { message: 'Unauthorized' }];
    const [, ref = '', what = ''] = /^\/v1\/projects\/(\w+)(.*)$/.exec(path) ?? [];
    const project = all.find((one) => one.ref === ref);
    if (`${method} ${path}` === 'GET /v1/organizations') return [200, organizations];
    if (`${method} ${path}` === 'GET /v1/projects') return [200, all];
    if (`${method} ${path}` === 'POST /v1/projects') {
      all.push({ ref: REF, name: String(body['name']), status: 'COMING_UP', organization_id: 'org-id' });
      return [201, all.at(-1)!];
    }
    if (project === undefined) return [404, { message: 'Project not found' }];
    if (what === '/api-keys?reveal=true') return [200, keys];
    if (what === '/database/query') return query(String(body['query']));
    if (what !== '') return [404, { message: path }];
    const state = left.length > 1 ? left.shift() : left[0];
    if (Array.isArray(state) || state === 'half') return state === 'half' ? 'half' : state;
    return [200, { ...project, ...(state === undefined ? {} : { status: state }) }];
  });
}

const withToken = (service: Service, env: Record<string, string> = {}) => place.child({ SUPABASE_ACCESS_TOKEN: TOKEN, SUPABASE_API_URL: service.url, ...env });
const created = (service: Service) => service.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/projects');

describe('--supabase with a token', () => {
  it('creates the project, waits, links it, writes its keys and applies every migration of the package; again, it does nothing', async () => {
    // The package as it is, with all of its migrations.
    rmSync(join(place.folder, 'node_modules/banyan'), { recursive: true });
    symlinkSync(packageRoot(), join(place.folder, 'node_modules/banyan'));
    const service = await startSupabase({ states: ['COMING_UP', 'COMING_UP', 'ACTIVE_HEALTHY'] });
    const first = (await step.run(withToken(service))).join('\n');

    const [made] = created(service);
    const file = await readEnvFile(place.folder);
    expect(made?.body).toEqual({
      name: 'my-shop',
      organization_slug: 'org-slug',
      region_selection: { type: 'specific', code: 'us-east-1' },
      db_pass: file['SUPABASE_DB_PASSWORD'],
    });
    expect(file['SUPABASE_DB_PASSWORD']).toMatch(/^[\w-]{32}$/);
    expect(file).toMatchObject({
      SUPABASE_URL: `https://${REF}.supabase.co`,
      SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_default-of-the-project',
      SUPABASE_SECRET_KEY: 'sb_secret_default-of-the-project',
    });
    expect(statSync(join(place.folder, '.env.local')).mode & 0o777).toBe(0o600);
    expect(linked()).toBe(REF);
    expect(place.said.join('\n')).toMatch(/is COMING_UP: waiting/);
    const versions = (await readMigrations(MIGRATIONS)).map(({ version }) => version);
    expect(await book()).toEqual([...versions, '20260102000000'].toSorted());
    expect((await database.pool.query('select banyan.schema_version() as newest')).rows).toEqual([{ newest: versions.at(-1) }]);
    expect(first).toContain(`${versions.length + 1} of ${versions.length + 1} migrations applied`);
    for (const secret of [TOKEN, file['SUPABASE_DB_PASSWORD']!, ...KEYS.map(({ api_key }) => api_key)]) {
      expect([first, ...place.said].join('\n')).not.toContain(secret);
    }

    const again = (await step.run(withToken(service))).join('\n');
    expect(again).toMatch(/has its address and keys[^]*Up to date/);
    expect(created(service)).toHaveLength(1);
    expect(await readEnvFile(place.folder)).toEqual(file);
  });

  it('applies each file whole or not at all, names the one that fails, and goes on from it', async () => {
    place.write('supabase/migrations/20260103000000_broken.sql', 'create table public.half (id int);\nselect 1 / 0;');
    place.write(
      'supabase/migrations/20260104000000_quoted.sql',
      "create table public.late (t text); do $banyan$ begin insert into public.late values ('it''s'); end $banyan$;",
    );
    const service = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    await expect(step.run(withToken(service))).rejects.toMatchObject({
      code: 'database_error',
      message: expect.stringMatching(/^20260103000000_broken\.sql was not applied: .*division by zero/) as string,
    });
    expect(await tables()).toEqual(['shoes', 'tickets']);
    expect(await book()).toEqual(['20260101000000', '20260102000000']);
    place.write('supabase/migrations/20260103000000_broken.sql', 'create table public.half (id int);');
    expect((await step.run(withToken(service))).join('\n')).toMatch(/2 of 4 migrations applied/);
    expect(await tables()).toEqual(['half', 'late', 'shoes', 'tickets']);
    expect((await database.pool.query('select t from public.late')).rows).toEqual([{ t: "it's" }]);
  });

  it('leaves a project of the same name alone that has tables or migrations of something else, unless it is named', async () => {
    await database.pool.query('create table public.customers (id int)');
    const service = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    await expect(step.run(withToken(service))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has tables or migrations of something else') as string,
      fix: expect.stringContaining(`SUPABASE_PROJECT_REF=${REF}`) as string,
    });
    expect(await tables()).toEqual(['customers']);
    expect(existsSync(join(place.folder, '.env.local'))).toBe(false);
    expect(existsSync(join(place.folder, 'supabase/.temp/project-ref'))).toBe(false);
    expect((await step.run(withToken(service, { SUPABASE_PROJECT_REF: REF }))).join('\n')).toMatch(/2 of 2 migrations applied/);
    expect(linked()).toBe(REF);
  });

  it('asks which of two projects or organizations is meant, and takes the one that is named', async () => {
    const twice = await startSupabase({
      projects: [
        { ref: REF, name: 'my-shop' },
        { ref: OTHER, name: 'my-shop' },
      ],
    });
    await expect(step.run(withToken(twice))).rejects.toThrowError(/2 projects are called my-shop: /);
    const organizations = [
      { id: 'a', slug: 'acme', name: 'Acme' },
      { id: 'b', slug: 'bolt', name: 'Bolt' },
    ];
    const service = await startSupabase({ organizations, states: ['ACTIVE_HEALTHY'] });
    await expect(step.run(withToken(service))).rejects.toMatchObject({
      data: { field: 'SUPABASE_ORG_ID' },
      fix: expect.stringContaining('acme (Acme), bolt (Bolt)') as string,
    });
    await expect(step.run(withToken(service, { SUPABASE_ORG_ID: 'none' }))).rejects.toThrowError(/sees no organization none/);
    expect(created(service)).toEqual([]);
    await step.run(withToken(service, { SUPABASE_ORG_ID: 'bolt', SUPABASE_REGION: 'emea' }));
    expect(created(service)[0]?.body).toMatchObject({ organization_slug: 'bolt', region_selection: { type: 'smartGroup', code: 'emea' } });
  });

  it('keeps what is in the file, says what differs, and takes legacy keys where there are no others', async () => {
    await setInEnvFile(place.folder, { SUPABASE_SECRET_KEY: 'sb_secret_of-somebody', SUPABASE_PUBLISHABLE_KEY: KEYS[2]!.api_key });
    const service = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    const said = (await step.run(withToken(service))).join('\n');
    expect(said).toMatch(/SUPABASE_SECRET_KEY in \.env\.local is another value than the project's, and stays so/);
    expect(said).not.toMatch(/SUPABASE_PUBLISHABLE_KEY in .env.local is another|sb_/);
    expect(await readEnvFile(place.folder)).toMatchObject({ SUPABASE_SECRET_KEY: 'sb_secret_of-somebody', SUPABASE_PUBLISHABLE_KEY: KEYS[2]!.api_key });
    await setInEnvFile(place.folder, { SUPABASE_SECRET_KEY: '', SUPABASE_PUBLISHABLE_KEY: '' });
    const older = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }], keys: KEYS.slice(0, 2) });
    await step.run(withToken(older));
    expect(await readEnvFile(place.folder)).toMatchObject({ SUPABASE_SECRET_KEY: KEYS[1]!.api_key, SUPABASE_PUBLISHABLE_KEY: KEYS[0]!.api_key });
  });

  it('does nothing where the values name two projects, and writes no secret that git would take along', async () => {
    const service = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    await setInEnvFile(place.folder, { SUPABASE_URL: `https://${OTHER}.supabase.co` });
    await expect(step.run(withToken(service, { SUPABASE_PROJECT_REF: REF }))).rejects.toThrowError(
      new RegExp(`SUPABASE_URL in .env.local is of the project ${OTHER}`),
    );
    await setInEnvFile(place.folder, { SUPABASE_URL: '' });
    const pooler = `postgres://postgres.${OTHER}:hush@aws-0-eu-west-1.pooler.supabase.com:5432/postgres`;
    await expect(step.run(withToken(service, { SUPABASE_PROJECT_REF: REF, DATABASE_URL: pooler }))).rejects.toThrowError(/DATABASE_URL is of the project/);
    expect(service.requests).toEqual([]);
    place.git('init', '-q');
    await expect(step.run(withToken(service))).rejects.toThrowError(/\.env\.local is not ignored by git/);
    expect((await readEnvFile(place.folder))['SUPABASE_SECRET_KEY']).toBeUndefined();
    place.write('.gitignore', '.env.*\n');
    await step.run(withToken(service));
    expect((await readEnvFile(place.folder))['SUPABASE_SECRET_KEY']).toBe('sb_secret_default-of-the-project');
  });

  it('ends with the signal while it waits, and goes on from there without a second project', async () => {
    const controller = new AbortController();
    const service = await startSupabase({ states: ['COMING_UP'] });
    const done = step.run({ ...withToken(service), signal: controller.signal });
    await expect.poll(() => place.said.length).toBeGreaterThan(0);
    controller.abort();
    await expect(done).rejects.toMatchObject({ data: { stopped: true } });
    expect(linked()).toBe(REF);
    const later = await startSupabase({
      projects: [{ ref: REF, name: 'my-shop' }],
      states: [[429, { message: 'slow down' }], [500, {}], 'half', 'RESTORING', 'ACTIVE_HEALTHY'],
    });
    // What is asked first is no wait: only from then on a fault is looked past.
    await expect(step.run(withToken(later))).rejects.toMatchObject({ code: 'limit_reached', message: expect.stringContaining('slow down (429)') as string });
    const waiting = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }], states: ['COMING_UP', [500, {}], 'half', [429, {}], 'ACTIVE_HEALTHY'] });
    expect((await step.run(withToken(waiting))).join('\n')).toMatch(/2 of 2 migrations applied/);
    expect(created(later).length + created(waiting).length).toBe(0);
  });

  it('lets a project that has just come up settle', async () => {
    let [keys, queries] = [0, 0];
    const service = await startSupabase({
      states: ['ACTIVE_HEALTHY'],
      instead({ path }) {
        if (path.includes('/api-keys') && ++keys < 3) return [200, KEYS.slice(0, keys - 1)];
        if (path.endsWith('/query') && ++queries < 3) return [544, { message: 'not yet' }];
        return undefined;
      },
    });
    expect((await step.run(withToken(service))).join('\n')).toMatch(/is created and linked[^]*2 of 2 migrations applied/);
  });

  it('says that a project is paused, or not ready in time', async () => {
    const paused = await startSupabase({ projects: [{ ref: REF, name: 'my-shop', status: 'INACTIVE' }] });
    await expect(step.run(withToken(paused))).rejects.toMatchObject({
      message: expect.stringContaining('is INACTIVE') as string,
      fix: expect.stringMatching(/^Restore it/) as string,
    });
    const slow = await startSupabase({ projects: [{ ref: REF, name: 'my-shop', status: 'COMING_UP' }] });
    await expect(supabaseStep({ everyMs: 1, mostMs: 20 }).run(withToken(slow))).rejects.toMatchObject({ code: 'limit_reached' });
  });
});

describe('banyan spawn --supabase in the folder of a child', () => {
  /** A child as far as its book goes. */
  function asChild(): void {
    const { answers } = place.child({});
    place.write(BOOK_PATH, writeBook(createBook({ template: { name: 'banyan', version: VERSION }, commit: null, banyan: VERSION, answers, files: [] })));
  }

  it('ends with Ctrl-C while it waits, and the next one goes on', async () => {
    asChild();
    const service = await startSupabase({ states: ['COMING_UP'] });
    const env = { ...cleanEnvironment(place.folder), SUPABASE_ACCESS_TOKEN: TOKEN, SUPABASE_API_URL: service.url };
    const running = start(['--supabase'], { cwd: place.folder, env });
    await expect
      .poll(() => service.asked(`GET /v1/projects/${REF}`) || existsSync(join(place.folder, 'supabase/.temp/project-ref')), { timeout: 20_000 })
      .toBe(true);
    running.child.kill('SIGINT');
    const stopped = await running.ended;
    expect([stopped.status, stopped.stderr]).toEqual([
      130,
      expect.stringMatching(/^ {2}Stopped\. The child stays as it is\. Again, in its folder: npx banyan spawn --supabase\n$/),
    ]);
    const later = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    const again = await start(['--supabase'], { cwd: place.folder, env: { ...env, SUPABASE_API_URL: later.url } }).ended;
    expect([again.status, again.stderr]).toEqual([0, '']);
    expect(again.stdout).toMatch(/linked \(supabase[^]*2 of 2 migrations applied/);
    expect(created(later)).toEqual([]);
    const secrets = [TOKEN, (await readEnvFile(place.folder))['SUPABASE_DB_PASSWORD']!, ...KEYS.map(({ api_key }) => api_key)];
    for (const secret of secrets) expect(stopped.stdout + again.stdout).not.toContain(secret);
  });

  it('says what is wrong without a stack, and ends with 1', async () => {
    asChild();
    const service = await startSupabase({ instead: () => [200, '<html>Sign in'] });
    const env = { ...cleanEnvironment(place.folder), SUPABASE_ACCESS_TOKEN: TOKEN, SUPABASE_API_URL: service.url };
    const { status, stderr } = await start(['--supabase'], { cwd: place.folder, env }).ended;
    expect([status, stderr]).toEqual([1, expect.stringMatching(/not understood[^]*is the API of Supabase[^]*Again, in the folder/)]);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('--supabase and odd answers', () => {
  const cases: [name: string, call: string, answer: Answer, message: RegExp][] = [
    ['a wrong token', 'GET /v1/projects', [401, { message: `JWT ${TOKEN} is\n invalid` }], /JWT \*\*\* is invalid \(401\)/],
    ['no right', 'GET /v1/projects/', [403, { message: 'Forbidden resource' }], /the keys of .*Forbidden resource \(403\)/],
    ['too many requests', 'GET /v1/projects', [429, { message: 'ThrottlerException' }], /ThrottlerException \(429\)/],
    ['a fault', 'GET /v1/organizations', [500, {}], /status 500 \(500\)/],
    ['a page', 'GET /v1/projects', [502, '<html><h1>Bad gateway</h1>'], /a page instead of an answer \(502\)/],
    ['a page that claims to be well', 'GET /v1/projects', [200, '<html>Sign in'], /the answer is not understood \(the whole\)/],
    ['half an answer', 'GET /v1/projects', 'half', /cannot be reached/],
    ['another form', 'GET /v1/projects', [200, [{ name: 'my-shop', status: 'x', ref: '../../etc' }]], /not understood \(0\.ref\)/],
    ['no more projects allowed', 'POST /v1/projects', [402, { message: 'You have reached the limit of free projects' }], /limit of free projects \(402\)/],
    ['no keys', 'GET /v1/projects/', [200, []], /shows no publishable and no secret key/],
    [
      'a key that is not shown',
      'GET /v1/projects/',
      [200, [KEYS[3]!, { type: 'secret', name: 'default', api_key: 'sb_secret_abcde···············' }]],
      /shows no secret key/,
    ],
    [
      'a database that repeats what it was told',
      'POST /v1/projects/',
      [400, { message: `denied for ${TOKEN} with sb_secret_default-of-the-project` }],
      /denied for \*\*\* with /,
    ],
    ['a database that hangs', 'POST /v1/projects/', [544, { message: 'Connection terminated due to connection timeout' }], /connection timeout \(544\)/],
  ];

  it.each(cases)('names %s', async (_name, call, answer, message) => {
    const service = await startSupabase({
      projects: call.endsWith('/') ? [{ ref: REF, name: 'my-shop' }] : [],
      instead: ({ method, path }) => {
        const exact = call.endsWith('/') ? /api-keys|query/.test(path) && `${method} ${path}`.startsWith(call) : `${method} ${path}` === call;
        return exact ? answer : undefined;
      },
    });
    const failed = await step.run(withToken(service)).then(
      () => undefined,
      (error: unknown) => error as Error & { fix: string },
    );
    expect(failed?.name).toBe('BanyanError');
    expect(failed?.message).toMatch(message);
    expect(failed?.fix).not.toBe('');
    expect(JSON.stringify([failed?.message, failed?.fix, ...place.said])).not.toMatch(/sbp_|sb_secret|sb_publishable|eyJ/);
  });

  it('shows no key that it was told before, also not one that it does not keep', async () => {
    const service = await startSupabase({
      projects: [{ ref: REF, name: 'my-shop' }],
      instead: ({ body }) => (String(body['query']).includes('execute source') ? [400, { message: `no: ${KEYS[0]!.api_key}` }] : undefined),
    });
    await expect(step.run(withToken(service))).rejects.toThrowError(/was not applied: no: \*\*\*$/);
  });

  it('names a project that the token does not see, and what is no project', async () => {
    const service = await startSupabase();
    await expect(step.run(withToken(service, { SUPABASE_PROJECT_REF: OTHER }))).rejects.toThrowError(new RegExp(`sees no project ${OTHER}`));
    await expect(step.run(withToken(service, { SUPABASE_PROJECT_REF: '../x' }))).rejects.toMatchObject({ data: { field: 'SUPABASE_PROJECT_REF' } });
  });
});

describe('--supabase with DATABASE_URL', () => {
  it('applies the migrations once; the API is not asked to, where there is a token, too', async () => {
    const first = (await supabase.run(place.child({ DATABASE_URL: database.url }))).join('\n');
    expect(first).toMatch(/2 of 2 migrations applied to the database banyan_test_\w+ at [\w.]+[^]*SUPABASE_SECRET_KEY/);
    expect(await tables()).toEqual(['shoes', 'tickets']);
    const again = (await supabase.run(place.child({ DATABASE_URL: database.url }))).join('\n');
    expect(again).toMatch(/Up to date/);
    expect([first, again].join('')).not.toContain(new URL(database.url).password + '@');
    place.write('supabase/migrations/20260103000000_more.sql', 'create table public.more (id int);');
    const service = await startSupabase({ projects: [{ ref: REF, name: 'my-shop' }] });
    expect((await step.run(withToken(service, { SUPABASE_PROJECT_REF: REF, DATABASE_URL: database.url }))).join('\n')).toMatch(/1 of 3 migrations applied/);
    expect(service.asked(`POST /v1/projects/${REF}/database/query`)).toBe(false);
  });

  it('takes a database with other tables only where the child itself names it', async () => {
    await database.pool.query('create table public.customers (id int)');
    await expect(supabase.run(place.child({ DATABASE_URL: database.url }))).rejects.toThrowError(/has tables or migrations of something else/);
    expect(await tables()).toEqual(['customers']);
    await setInEnvFile(place.folder, { DATABASE_URL: database.url });
    await supabase.run(place.child({ DATABASE_URL: 'postgres://nobody:wrong@127.0.0.1:1/none' }));
    expect(await tables()).toEqual(['customers', 'shoes', 'tickets']);
  });

  it('names the file that fails, and leaves nothing of it', async () => {
    place.write('supabase/migrations/20260103000000_broken.sql', 'create table public.half (id int); select 1 / 0;');
    await expect(supabase.run(place.child({ DATABASE_URL: database.url }))).rejects.toThrowError(
      /20260103000000_broken\.sql was not applied: division by zero/,
    );
    expect(await tables()).toEqual(['shoes', 'tickets']);
    expect(await book()).toEqual(['20260101000000', '20260102000000']);
  });

  it('ends with the signal in the middle of a file, of which nothing stays', async () => {
    place.write('supabase/migrations/20260103000000_slow.sql', 'create table public.half (id int); select pg_sleep(120);');
    const controller = new AbortController();
    const done = supabase.run(place.child({ DATABASE_URL: database.url }, { signal: controller.signal }));
    const sleeping = async () =>
      (await database.pool.query("select from pg_stat_activity where query like '%pg_sleep(120)%' and pid <> pg_backend_pid()")).rowCount;
    await expect.poll(sleeping, { timeout: 20_000 }).toBe(1);
    controller.abort();
    await expect(done).rejects.toMatchObject({ data: { stopped: true } });
    expect(await tables()).toEqual(['shoes', 'tickets']);
  });

  it('names a database that is not there, without its password, and a package that is not installed', async () => {
    const failed = supabase.run(place.child({ DATABASE_URL: 'postgres://me:hush@127.0.0.1:1/none' }));
    await expect(failed).rejects.toMatchObject({ code: 'database_unavailable', message: expect.not.stringContaining('hush') as string });
    const bare = servicePlace();
    await expect(supabase.run(bare.child({ DATABASE_URL: database.url }))).rejects.toMatchObject({ fix: expect.stringContaining('npm install') as string });
    await bare.close();
  });

  it('names both ways where there is neither, and says everything in a dry run without a request', async () => {
    await expect(supabase.run(place.child({}))).rejects.toMatchObject({
      message: expect.stringContaining('neither SUPABASE_ACCESS_TOKEN nor DATABASE_URL') as string,
    });
    const service = await startSupabase();
    expect(supabase.plan(place.child({})).join('\n')).toMatch(/DATABASE_URL[^]*with it: find or create/);
    const plan = supabase.plan(withToken(service)).join('\n');
    for (const word of ['my-shop', service.url, 'us-east-1', 'ACTIVE_HEALTHY', 'supabase/.temp/project-ref', 'SUPABASE_SECRET_KEY', 'over the API'])
      expect(plan).toContain(word);
    expect(plan).not.toContain(TOKEN);
    expect(service.requests).toEqual([]);
  });
});
