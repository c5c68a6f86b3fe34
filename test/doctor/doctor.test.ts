import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Octokit } from '@octokit/rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngineParts } from '../../src/app.ts';
import { CHECKS } from '../../src/doctor/checks.ts';
import type { Result } from '../../src/doctor/types.ts';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import { firstColumn, readPage, ROOT } from '../docs/pages.ts';
import { whyNot } from '../sandbox/ways.ts';
import { MIGRATIONS } from '../support/database.ts';
import { callTool, fail as refuse, say, startOpenAiServer } from '../../src/testing/openai-server.ts';
import { startInstallation } from './installation.ts';
import type { Installation } from './installation.ts';

const NOBODY = 'http://127.0.0.1:1';
const QUICK = CHECKS.map(({ id }) => id).filter((id) => id !== 'sandbox' && id !== 'models');

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
}, 90_000);
afterAll(() => installation.close());

function words(results: Result[]): Record<string, string> {
  return Object.fromEntries(results.map(({ id, status, says, fix }) => [id, [status, says, fix].filter(Boolean).join(' | ')]));
}

async function look(...args: Parameters<Installation['look']>): Promise<Record<string, string>> {
  return words(await installation.look(...args));
}

async function openIssue(url: string): Promise<void> {
  await new Octokit({ auth: 'maintainer-token', baseUrl: url }).rest.issues.create({ owner: 'acme', repo: 'shop', title: 'Look at this' });
}

async function tick(): Promise<void> {
  const { source, handlers } = installation;
  const answer = await handlers.cron(
    new Request(`${source['BANYAN_URL']}/api/cron/redeliver`, { headers: { authorization: `Bearer ${source['CRON_SECRET']}` } }),
  );
  expect(answer.status).toBe(200);
}

describe('the doctor', () => {
  it('says first that nothing ticks and nothing was sent, then finds everything in order, and tells no secret', async () => {
    const before = await look(['cron.ticks', 'github.deliveries']);
    expect(before).toEqual({
      'cron.ticks': expect.stringMatching(/^fail \| No job of the cron has ever run\. \| README\.md, step 6/),
      'github.deliveries': expect.stringMatching(/^warn \| GitHub has sent nothing/),
    });
    await openIssue(installation.github.url);
    await installation.github.idle();
    await tick();
    const results = await installation.look(QUICK);
    expect(words(results.filter(({ status }) => status !== 'ok'))).toEqual({});
    expect(results.map(({ id }) => id)).toEqual(QUICK);
    const told = JSON.stringify(results);
    for (const name of ['GITHUB_WEBHOOK_SECRET', 'CRON_SECRET', 'SUPABASE_SECRET_KEY']) expect(told).not.toContain(installation.source[name]);
  });

  it('names what is missing, leaves out what needs it, and looks at the rest', async () => {
    const found = await look(QUICK, { CRON_SECRET: undefined, GITHUB_APP_ID: 'banyan' });
    expect(found['variables']).toMatch(/^fail \| CRON_SECRET is not set - set it to .*\nGITHUB_APP_ID /);
    expect(found['cron.bearer']).toBe('skipped | CRON_SECRET is not set.');
    expect(found['github.app']).toMatch(/^skipped \| GITHUB_APP_ID /);
    expect(found['github.permissions']).toBe('skipped | "GitHub App authenticates" comes first.');
    expect([found['deployment'], found['database'], found['webhook.forged']].map((line) => line?.slice(0, 2))).toEqual(['ok', 'ok', 'ok']);
  });

  it('tells secrets that differ on the two sides', async () => {
    const found = await look(['webhook.signed', 'webhook.forged', 'cron.bearer'], {
      GITHUB_WEBHOOK_SECRET: 'another-secret-of-ours',
      CRON_SECRET: 'another-secret-of-cron',
    });
    expect(found['webhook.signed']).toMatch(/^fail \| The deployment refuses what is signed with GITHUB_WEBHOOK_SECRET\. \| Set the same/);
    expect(found['cron.bearer']).toMatch(/^fail \| The deployment refuses the bearer CRON_SECRET\. \| Set the same/);
    expect(found['webhook.forged']).toMatch(/^ok/);
    const previous = await look(['secrets', 'webhook.signed'], { GITHUB_WEBHOOK_SECRET_PREVIOUS: 'one-that-was-rotated-out' });
    expect(previous['secrets']).toMatch(/^warn \| GITHUB_WEBHOOK_SECRET_PREVIOUS is still set/);
    expect(previous['webhook.signed']).toMatch(/^fail \| .*GITHUB_WEBHOOK_SECRET_PREVIOUS/);
  });

  it('tells an App that was made otherwise', async () => {
    const bent = await installation.otherGitHub({
      webhookSecret: 'not-the-one-of-the-deployment',
      permissions: { contents: 'write', issues: 'read', pull_requests: 'write', checks: 'write', metadata: 'read', actions: 'write' },
      events: ['issues', 'issue_comment', 'push'],
    });
    await openIssue(bent.url);
    await bent.idle();
    const ids = ['github.app', 'github.permissions', 'github.events', 'github.installations', 'github.webhook', 'github.deliveries'];
    const found = await look(ids, { GITHUB_API_URL: bent.url });
    expect(found['github.permissions']).toMatch(/^fail \| Missing permissions: issues: write\.\nToo many: actions: write\. \| .*Permissions & events/s);
    expect(found['github.events']).toMatch(/^fail \| Missing events: pull_request\.\nToo many: push\./);
    expect(found['github.installations']).toMatch(/^fail \| acme has not granted issues: write\./);
    expect(found['github.deliveries']).toMatch(/^fail \| The newest delivery was answered 401\. The webhook secrets differ\./);
    expect(found['github.webhook']).toMatch(/^ok/);
    const other = await look(['github.webhook'], {}, { url: 'https://elsewhere.test' });
    expect(other['github.webhook']).toMatch(/^fail \| GitHub sends to http:\/\/127.* and not to https:\/\/elsewhere\.test\/api\/github\/webhook\./);
  });

  it('tells a key that is not of this App', async () => {
    const found = await look(['github.app', 'github.budget'], { GITHUB_APP_ID: '2' });
    expect(found['github.app']).toMatch(/^fail \| GitHub does not know the App by this ID and private key\./);
    expect(found['github.budget']).toMatch(/^skipped/);
    const noKey = await look(['github.app'], { GITHUB_APP_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' });
    expect(noKey['github.app']).toMatch(/^fail \| GITHUB_APP_PRIVATE_KEY cannot be read as a key\./);
  });

  it('tells a deployment that is not there, and a login page in its place', async () => {
    const gone = await look(['address', 'deployment', 'webhook.signed'], {}, { url: NOBODY });
    expect(gone['deployment']).toMatch(/^fail \| http:\/\/127\.0\.0\.1:1 could not be reached \(/);
    expect(gone['webhook.signed']).toMatch(/^fail/);
    const password = await look(['address', 'deployment'], { BANYAN_URL: 'https://someone:hunter2fishXY@banyan.test' });
    expect(password['address']).toMatch(/^fail \| The address has a user or a password in it/);
    expect(JSON.stringify(password)).not.toContain('hunter2fishXY');
    const unknown = await look(['address', 'deployment'], { BANYAN_URL: undefined });
    expect(unknown['address']).toMatch(/^fail \| The address of the deployment is not known/);
    expect(unknown['deployment']).toBe('skipped | "address of the deployment" comes first.');

    const gate = createServer((_request, response) =>
      response.writeHead(401, { 'content-type': 'text/html', 'set-cookie': '_vercel_sso_nonce=x' }).end('<html>'),
    );
    await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
    const { port } = gate.address() as AddressInfo;
    const found = await look(['deployment', 'webhook.signed', 'webhook.forged', 'cron.bearer'], {}, { url: `http://127.0.0.1:${port}` });
    for (const line of Object.values(found)) expect(line).toMatch(/^fail \| A login page answers .* Deployment Protection/);
    await new Promise((resolve) => gate.close(resolve));
  });

  it('tells migrations that are missing by their names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banyan-migrations-'));
    cpSync(MIGRATIONS, folder, { recursive: true });
    writeFileSync(join(folder, '20261121000150_in_between.sql'), '');
    writeFileSync(join(folder, '29991231000000_later.sql'), '');
    const found = await look(['database.migrations'], {}, { migrations: [folder] });
    expect(found['database.migrations']).toMatch(
      /^fail \| Not applied: 20261121000150_in_between, 29991231000000_later\. \| Run `npx supabase db push` .*--include-all/,
    );
    rmSync(folder, { recursive: true });
  });

  it('tells a database that is away, and keys that are in the wrong place', async () => {
    const ids = ['keys', 'database', 'database.migrations', 'database.rights', 'database.anybody', 'cron.ticks'];
    const away = await look(ids, { SUPABASE_URL: NOBODY });
    expect(away['database']).toMatch(/^fail \| It does not answer at SUPABASE_URL\./);
    expect(Object.values(away).filter((line) => line === 'skipped | "database answers" comes first.')).toHaveLength(4);
    const withPath = await look(ids, { SUPABASE_URL: `${installation.source['SUPABASE_URL']}/rest/v1/` });
    expect(withPath['database']).toMatch(/^fail \| It answers, and refuses: .* \| SUPABASE_URL has a path\./);
    const { SUPABASE_SECRET_KEY: secret, SUPABASE_PUBLISHABLE_KEY: publishable } = installation.source;
    const swapped = await look(ids, { SUPABASE_SECRET_KEY: publishable, SUPABASE_PUBLISHABLE_KEY: publishable });
    expect(swapped['keys']).toMatch(/^fail \| SUPABASE_SECRET_KEY is a publishable key\./);
    expect(swapped['database']).toMatch(/^fail \| It answers, and refuses/);
    const leaked = await look(ids, { SUPABASE_PUBLISHABLE_KEY: secret });
    expect(leaked['keys']).toMatch(/^fail \| SUPABASE_PUBLISHABLE_KEY is a secret key\./);
    // As whoever holds it would: that nothing but nothing is seen is asked over the wire.
    expect(leaked['database.anybody']).toMatch(/^fail \| Anybody with the publishable key reads the function health/);
  });

  it('tells a clock that is wrong', async () => {
    const found = await look(['clocks'], {}, { now: () => Date.now() - 95_000 });
    expect(found['clocks']).toMatch(/^fail \| this machine: 9\d s behind GitHub\./);
    const away = await look(['clocks'], { GITHUB_API_URL: NOBODY });
    expect(away['clocks']).toMatch(/^fail \| http:\/\/127\.0\.0\.1:1 could not be reached \((?:[A-Z]\w+|no answer)\)\. \| .*GITHUB_API_URL/);
    const wrong = await look(['variables', 'clocks'], { GITHUB_API_URL: 'api.github.com' });
    expect(wrong['variables']).toMatch(/^fail \| GITHUB_API_URL is not a URL that begins with https\?: - set it to https:\/\/api\.github\.com/);
    expect(wrong['clocks']).toMatch(/^skipped \| GITHUB_API_URL is not a URL/);
  });

  it('asks each configured model for one call of a tool', async () => {
    const server = await startOpenAiServer({
      play: ({ model }) => {
        if (model === 'wrong') return refuse(404);
        return model === 'talks' ? say('I am ready.') : callTool('report_ready', { ready: true });
      },
    });
    const models = (change: Record<string, string>) => look(['models'], { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'sk-test', ...change });
    expect((await models({ BANYAN_MODEL: 'openai:gpt-4o' }))['models']).toBe(
      'ok | product-owner, developer, qa, reviewer: openai:gpt-4o answers, calls tools, and has a price.',
    );
    expect(server.requests).toHaveLength(1);
    const mixed = (await models({ BANYAN_MODEL: 'openai:gpt-4o', BANYAN_MODEL_QA: 'openai:wrong', BANYAN_MODEL_REVIEWER: 'openai:talks' }))['models'];
    expect(mixed).toMatch(/^fail \| .*qa: openai:wrong: The provider does not know this model\. \(404\)/s);
    expect(mixed).toContain('reviewer: openai:talks answered without calling the tool.');
    // Those that no task asks, but a job of the cron.
    const jobs = (await models({ BANYAN_MODEL: 'openai:gpt-4o', BANYAN_MODEL_GUARDIAN: 'openai:wrong', BANYAN_MODEL_DIAGNOSTICIAN: 'nonsense' }))['models'];
    expect(jobs).toMatch(/^fail \| diagnostician: "nonsense" does not name a model\..*guardian: openai:wrong: The provider does not know this model\./s);
    expect(jobs).toContain('BANYAN_MODEL_DIAGNOSTICIAN');
    const typo = await look(['variables'], { BANYAN_MODEL_DEVELOPPER: 'openai:gpt-4o', BANYAN_MODEL_GUARDIAN: 'openai:gpt-4o' });
    expect(typo['variables']).toMatch(/^warn \| Nobody reads BANYAN_MODEL_DEVELOPPER\./);
    expect((await models({ BANYAN_MODEL: 'openai:our-own' }))['models']).toMatch(/^warn \| .*its price is not known.*models\.prices/);
    expect((await models({ BANYAN_MODEL: 'nonsense' }))['models']).toMatch(/^fail \| product-owner: "nonsense" does not name a model\./);
    await server.close();
    expect((await look(['models']))['models']).toMatch(/^warn \| .*the scripted model.*ANTHROPIC_API_KEY/);
  });

  it('finds what a sandbox without walls can reach', async () => {
    const unsafe = (
      await look(
        ['sandbox'],
        {},
        { parts: async (environment) => ({ ...(await createEngineParts(environment)), sandboxes: createLocalSandboxProvider({ way: 'unsafe' }) }) },
      )
    )['sandbox'];
    expect(unsafe).toMatch(/^fail \| From within \(local\/unsafe\) can be reached: .*a port of the machine it runs on/);
  });

  it('leaves out sandboxes of Vercel where nothing here may open them', async () => {
    const vercel = createServer((_request, response) => response.writeHead(200, { 'x-vercel-id': 'fra1::x' }).end('{}'));
    await new Promise<void>((resolve) => vercel.listen(0, '127.0.0.1', resolve));
    const { port } = vercel.address() as AddressInfo;
    const found = await look(['sandbox'], {}, { url: `http://127.0.0.1:${port}` });
    expect(found['sandbox']).toMatch(/^skipped \| The deployment uses Vercel Sandbox by its own identity/);
    await new Promise((resolve) => vercel.close(resolve));
    expect((await look(['sandbox'], { BANYAN_SANDBOX: 'vercel' }))['sandbox']).toMatch(/^skipped/);
  });

  it('finds a sandbox with walls in order', async (context) => {
    const problem = await whyNot('unshare');
    context.skip(problem !== null, problem ?? '');
    const walled = await look(
      ['sandbox'],
      {},
      { parts: async (environment) => ({ ...(await createEngineParts(environment)), sandboxes: createLocalSandboxProvider({ way: 'unshare' }) }) },
    );
    expect(walled['sandbox']).toBe('ok | It opens, runs, reaches nothing and ends (local/unshare).');
  });
});

describe('npx banyan doctor', () => {
  const run = async (...args: string[]) => {
    const command = promisify(execFile)(process.execPath, [join(ROOT, 'scripts/banyan.ts'), 'doctor', ...args], { env: { PATH: process.env['PATH'] } });
    return command.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  };

  it('reads the variables of a file, prints what it found, for machines too, and fails where a check did', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banyan-env-'));
    const file = join(folder, '.env');
    await tick();
    const lines = Object.entries({ ...installation.source, BANYAN_SANDBOX: 'vercel' }).map(([name, value]) => `${name}="${value?.replaceAll('\n', '\\n')}"`);
    writeFileSync(file, lines.join('\n'));
    const people = await run('--variables', file);
    expect([people.code, people.stderr]).toEqual([0, '']);
    expect(people.stdout).toMatch(/^ok {6}GitHub App authenticates: It authenticates as banyan\[bot\]/m);
    expect(people.stdout).toMatch(new RegExp(`^${CHECKS.length} checks: \\d+ ok, \\d+ warnings, 0 failed, \\d+ skipped\\.$`, 'm'));
    writeFileSync(file, [...lines, 'CRON_SECRET=a-secret-of-somebody-else'].join('\n'));
    const machines = await run('--env-file', file, '--json', '--url', installation.source['BANYAN_URL'] ?? '');
    expect(machines.code).toBe(1);
    const report = JSON.parse(machines.stdout) as { ok: boolean; url: string; checks: Result[] };
    expect(report).toMatchObject({ ok: false, url: installation.source['BANYAN_URL'], counts: { fail: 1 } });
    expect(report.checks.map(({ id }) => id)).toEqual(CHECKS.map(({ id }) => id));
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('says what is wrong with its own options', async () => {
    // Node looks for such a file before anybody is asked.
    const nowhere = await run('--env-file', '/nowhere/.env');
    expect(nowhere.code).not.toBe(0);
    expect(nowhere.stderr).toContain('/nowhere/.env');
    expect(await run('--variables', '/nowhere/.env')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The file /nowhere/.env cannot be read.\n') as string,
    });
    expect(await run('--url', 'banyan.test')).toMatchObject({ code: 1, stderr: expect.stringContaining('--url is no address.') as string });
    expect(await run('--data-dir', '/nowhere')).toMatchObject({ code: 1, stderr: expect.stringContaining('npm start') as string });
  });
});

it('the page on operations has every check', () => {
  expect(firstColumn(readPage('docs/operations.md'), 'doctor')).toEqual(CHECKS.map(({ id }) => id));
});
