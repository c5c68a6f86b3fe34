import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BanyanError } from '../kernel/errors.ts';
import { readEnvironment } from './environment.ts';
import { readIntakeEnvironment } from './intake-environment.ts';

const { privateKey: PEM } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

const INTAKE = {
  GITHUB_WEBHOOK_SECRET: 'hook',
  SUPABASE_URL: 'https://x.supabase.co',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
  CRON_SECRET: '0123456789abcdef',
};
const FULL = { ...INTAKE, SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x', GITHUB_APP_ID: '77', GITHUB_APP_PRIVATE_KEY: PEM };

function refusal(read: () => unknown): BanyanError {
  try {
    read();
  } catch (thrown) {
    if (thrown instanceof BanyanError) return thrown;
  }
  throw new Error('it was not refused');
}

describe('what is missing', () => {
  it('is named at once, all of it, each with where to find it', () => {
    const error = refusal(() => readEnvironment({}));
    expect(error.code).toBe('config_invalid');
    expect((error.data['variables'] as string[]).toSorted()).toEqual(Object.keys(FULL).toSorted());
    for (const name of Object.keys(FULL)) expect(error.message).toMatch(new RegExp(`^ {2}${name} is not set - set it to \\S+`, 'm'));
  });

  it('is less for the webhook, which has no key and no model', () => {
    expect((refusal(() => readIntakeEnvironment({})).data['variables'] as string[]).toSorted()).toEqual(Object.keys(INTAKE).toSorted());
    expect(readIntakeEnvironment(INTAKE)).toEqual({
      webhookSecrets: ['hook'],
      supabase: { url: 'https://x.supabase.co', secretKey: 'sb_secret_x' },
      cronSecret: '0123456789abcdef',
      url: undefined,
    });
  });

  it.each(['', '   ', undefined])('counts as missing where it is %j', (value) => {
    expect(refusal(() => readEnvironment({ ...FULL, GITHUB_APP_ID: value })).message).toContain('GITHUB_APP_ID is not set');
  });

  it.each([
    ['CRON_SECRET', 'short', 'at least 16 characters'],
    ['SUPABASE_URL', 'x.supabase.co', 'SUPABASE_URL is not a URL that begins with https?:'],
    ['BANYAN_URL', 'ftp://x', 'BANYAN_URL'],
    ['BANYAN_DATABASE_URL', 'https://x', 'BANYAN_DATABASE_URL'],
    ['GITHUB_API_URL', 'ftp://x', 'GITHUB_API_URL'],
    ['GITHUB_APP_ID', 'banyan', 'GITHUB_APP_ID'],
    ['GITHUB_APP_PRIVATE_KEY', 'not a key', 'is not a PEM private key'],
    ['BANYAN_LEASE_SECONDS', '0', 'BANYAN_LEASE_SECONDS'],
    ['BANYAN_SANDBOX', 'docker', 'BANYAN_SANDBOX'],
  ])('is refused where %s is %j, and only that is named', (name, value, message) => {
    const error = refusal(() => readEnvironment({ ...FULL, [name]: value }));
    expect(error.message).toContain(message);
    expect(error.data['variables']).toEqual([name]);
  });

  it('is told without the values', () => {
    expect(refusal(() => readEnvironment({ ...FULL, GITHUB_APP_PRIVATE_KEY: 'hunter2 hunter2', CRON_SECRET: 'hunter2' })).message).not.toContain('hunter2');
  });
});

describe('the private key', () => {
  it.each([
    ['with its line breaks', PEM],
    ['with \\n written out', PEM.replaceAll('\n', '\\n')],
    ['in base64', Buffer.from(PEM).toString('base64')],
    [
      'in base64 with line breaks',
      Buffer.from(PEM)
        .toString('base64')
        .replaceAll(/(.{76})/g, '$1\n'),
    ],
  ])('is taken %s', (_name, value) => {
    expect(readEnvironment({ ...FULL, GITHUB_APP_PRIVATE_KEY: value }).github.privateKey.trim()).toBe(PEM.trim());
  });
});

describe('what may be left out', () => {
  it('has defaults for GitHub itself', () => {
    const { github, sandbox, worker, logLevel } = readEnvironment(FULL);
    expect(github).toMatchObject({ apiUrl: 'https://api.github.com', graphqlUrl: 'https://api.github.com/graphql', appId: 77 });
    expect(sandbox).toMatchObject({ provider: 'local', unsafe: false });
    expect(worker).toEqual({ leaseSeconds: 15, tasks: 4, host: 'process' });
    expect(logLevel).toBe('info');
    expect(readEnvironment({ ...FULL, VERCEL: '1' }).sandbox.provider).toBe('vercel');
  });

  it('takes another GitHub, with or without a slash at the end', () => {
    expect(readEnvironment({ ...FULL, GITHUB_API_URL: 'http://127.0.0.1:4001/' }).github).toMatchObject({
      apiUrl: 'http://127.0.0.1:4001',
      graphqlUrl: 'http://127.0.0.1:4001/graphql',
    });
  });

  it('knows which values are secrets, of others too, and where traces go', () => {
    const env = readEnvironment({ ...FULL, BANYAN_METRICS_TOKEN: 'a-token-of-monitoring', PGPASSWORD: 'of-another', BANYAN_MODEL: 'openai:a' });
    expect(env.secrets).toEqual(expect.arrayContaining([FULL.CRON_SECRET, FULL.SUPABASE_SECRET_KEY, 'a-token-of-monitoring', 'of-another']));
    expect(env.secrets).not.toContain(FULL.SUPABASE_PUBLISHABLE_KEY);
    expect(env.secrets).not.toContain('openai:a');
    expect(env.traces).toBeUndefined();
    expect(readIntakeEnvironment({ ...INTAKE, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).traces).toEqual({
      endpoint: 'http://c:4318',
      headers: '',
      serviceName: 'banyan',
    });
    expect(() => readIntakeEnvironment({ ...INTAKE, OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' })).toThrow(/OTEL_EXPORTER_OTLP_ENDPOINT/);
    expect(() => readEnvironment({ ...FULL, BANYAN_METRICS_TOKEN: 'short' })).toThrow(/BANYAN_METRICS_TOKEN/);
  });

  it('takes a model for each role', () => {
    const { models } = readEnvironment({ ...FULL, BANYAN_MODEL: 'openai:a', BANYAN_MODEL_PRODUCT_OWNER: ' anthropic:b ', BANYAN_MODEL_QA: '' });
    expect(models.default).toBe('openai:a');
    expect(models.byRole).toEqual({ 'product-owner': 'anthropic:b' });
  });

  it('keeps the secret that is being rotated out in second place', () => {
    expect(readIntakeEnvironment({ ...INTAKE, GITHUB_WEBHOOK_SECRET_PREVIOUS: 'old' }).webhookSecrets).toEqual(['hook', 'old']);
  });

  it('knows its own address where the platform or the owner says it', () => {
    expect(readIntakeEnvironment({ ...INTAKE, VERCEL_PROJECT_PRODUCTION_URL: 'b.vercel.app' }).url).toBe('https://b.vercel.app');
    expect(readIntakeEnvironment({ ...INTAKE, BANYAN_URL: 'https://b.example/', VERCEL_PROJECT_PRODUCTION_URL: 'b.vercel.app' }).url).toBe('https://b.example');
  });
});
