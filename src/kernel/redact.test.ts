import { describe, expect, it, test } from 'vitest';
import { createRedactor, findSecrets, redactSecrets } from './redact.ts';

// Put together at run time, so that no scanner takes this file for a leak.
const join = (...parts: string[]) => parts.join('');
const random = (length: number) => 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(40).slice(0, length);
const jwt = join('eyJ', random(20), '.eyJ', random(60), '.', random(43));
const pem = (kind: string) => `-----BEGIN ${kind}PRIVATE KEY-----\n${random(64)}\n${random(64)}\n-----END ${kind}PRIVATE KEY-----`;

const SECRETS: [kind: string, secret: string][] = [
  ['github_token', join('ghp', '_', random(36))],
  ['github_token', join('ghs', '_', '12345_', jwt)],
  ['github_token', join('github', '_pat_', random(22), '_', random(59))],
  ['anthropic_key', join('sk', '-ant-api03-', random(80))],
  ['openai_key', join('sk', '-proj-', random(60))],
  ['openai_key', join('sk', '-', random(48))],
  ['aws_access_key', join('AKI', 'AIOSFODNN7EXAMPLE')],
  ['google_key', join('AIz', 'a', random(35))],
  ['slack_token', join('xox', 'b-123456789012-', random(24))],
  ['slack_webhook', join('hooks.slack', '.com/services/T0123ABCD/B0123ABCD/', random(24))],
  ['stripe_key', join('sk', '_live_', random(24))],
  ['supabase_key', join('sb', '_secret_', random(31))],
  ['github_token', join('gho', '_', random(36))],
  ['github_token', join('ghu', '_', random(36))],
  ['github_token', join('ghr', '_', random(76))],
  ['aws_access_key', join('ASI', 'AIOSFODNN7EXAMPLE')],
  ['google_key', join('GOCSPX', '-', random(28))],
  ['google_token', join('ya29', '.', random(60))],
  ['slack_token', join('xapp', '-1-A0123ABCD-', random(30))],
  ['stripe_key', join('rk', '_test_', random(24))],
  ['webhook_secret', join('whsec', '_', random(32))],
  ['supabase_key', join('sbp', '_', 'a1b2'.repeat(10))],
  ['vercel_token', join('vcp', '_', random(56))],
  ['vercel_token', join('vck', '_', random(56))],
  ['vercel_token', join('vercel_blob', '_rw_', random(40))],
  ['gitlab_token', join('glpat', '-', random(20))],
  ['huggingface_token', join('hf', '_', random(34))],
  ['groq_key', join('gsk', '_', random(52))],
  ['xai_key', join('xai', '-', random(80))],
  ['pypi_token', join('pypi', '-AgEIcHlwaS5vcmc', random(60))],
  ['sendgrid_key', join('SG', '.', random(22), '.', random(43))],
  ['digitalocean_token', join('dop', '_v1_', 'a1b2'.repeat(16))],
  ['private_key', pem('EC ')],
  ['private_key', pem('ENCRYPTED ')],
  ['npm_token', join('npm', '_', random(36))],
  ['jwt', jwt],
  ['private_key', pem('')],
  ['private_key', pem('RSA ')],
  ['private_key', pem('OPENSSH ')],
];

describe('findSecrets and redactSecrets', () => {
  test.each(SECRETS)('%s is found where it stands and replaced whole', (kind, secret) => {
    const text = `const value = "${secret}";\nnext line`;
    expect(findSecrets(text)).toEqual([{ kind, index: text.indexOf(secret) }]);
    expect(redactSecrets(text)).toBe(`const value = "[redacted:${kind}]";\nnext line`);
  });

  test('the scheme, the user and the host around a secret stay', () => {
    expect(redactSecrets(`Authorization: Bearer ${random(40)}`)).toBe('Authorization: Bearer [redacted:bearer_token]');
    expect(redactSecrets(`curl -H "Authorization: token ${random(40)}"`)).toBe('curl -H "Authorization: token [redacted:bearer_token]"');
    expect(redactSecrets('postgres://app:hunter2fish@db.example.com/app')).toBe('postgres://app:[redacted:url_credentials]@db.example.com/app');
    expect(redactSecrets(`x-api-key: ${random(40)}`)).toBe('x-api-key: [redacted:api_key]');
    expect(redactSecrets(JSON.stringify({ 'x-api-key': random(40) }))).toBe('{"x-api-key":"[redacted:api_key]"}');
    expect(redactSecrets(JSON.stringify({ authorization: `Bearer ${random(40)}` }))).toBe('{"authorization":"Bearer [redacted:bearer_token]"}');
    expect(redactSecrets(join('AccountKey', '=', random(86), '==;Endpoint'))).toBe('AccountKey=[redacted:azure_key];Endpoint');
    expect(redactSecrets('redis://:hunter2fish@cache:6379')).toBe('redis://:[redacted:url_credentials]@cache:6379');
    expect(redactSecrets(join('aws_secret_access', '_key = ', random(40)))).toBe('aws_secret_access_key = [redacted:aws_secret_key]');
  });

  test('overlapping finds are one, and what was redacted stays redacted', () => {
    const text = `https://x-access-token:${join('ghs', '_1_', jwt)}@github.com and Bearer ${jwt}`;
    const once = redactSecrets(text);
    expect(once).not.toContain(random(20));
    expect(redactSecrets(once)).toBe(once);
  });

  test.each([
    'sk-loading-spinner-container-large',
    'the prefix ghp_ and a short ghp_abc123',
    "text.includes('-----BEGIN PRIVATE KEY-----')",
    'postgres://postgres:postgres@localhost/test and https://user:${TOKEN}@host',
    'bearer authentication-for-everybody-is-good',
    'https://example.com:8080/path@2x.png',
    'git@github.com:acme/shop.git',
    'https://registry.npmjs.org/@scope/name',
    'eyJhbGciOi is how a JWT begins',
  ])('%j is no secret', (text) => {
    expect(findSecrets(text)).toEqual([]);
  });

  test.each([
    '-----BEGIN PRIVATE KEY-----',
    'eyJ',
    'eyJaaaaaaaaaaaa.',
    'ghp_',
    'sk-',
    'bearer ',
    'a://',
    'http://a:b',
    'authorization:',
    '-----',
    'xoxb-',
    'SG.',
    'vcp_',
    'x-api-key: ',
    'pypi-AgE',
    'AccountKey=',
  ])('half a megabyte of %j does not stall it', (piece) => {
    const text = piece.repeat(Math.ceil(500_000 / piece.length));
    expect(redactSecrets(text).length).toBeLessThanOrEqual(text.length + 100);
  });
});

describe('createRedactor', () => {
  const OWN = 'correct horse "battery" staple/\\n+$1';

  it.each([
    ['as it is', `value ${OWN} end`],
    ['in JSON', JSON.stringify({ value: OWN })],
    ['in a URL', `https://host/?key=${encodeURIComponent(OWN)}&x=1`],
  ])('takes out a value of our own %s', (_, text) => {
    const clean = createRedactor([undefined, OWN])(text);
    expect(clean).toContain('[redacted:own_secret]');
    expect(clean).not.toMatch(/horse|battery/);
    expect(createRedactor([OWN])(clean)).toBe(clean);
  });

  it('takes out the longer of two that begin alike, and what looks like a credential of others', () => {
    const clean = createRedactor(['my-own-secret', 'my-own-secret-of-yesterday']);
    expect(clean('a my-own-secret-of-yesterday b my-own-secret c')).toBe('a [redacted:own_secret] b [redacted:own_secret] c');
    expect(clean(`token ${join('ghp', '_', random(36))}`)).toBe('token [redacted:github_token]');
  });

  it('leaves alone what is too short to be told from words, and keeps JSON whole', () => {
    expect(createRedactor(['', '  ', 'info', undefined])('{"level":"info"}')).toBe('{"level":"info"}');
    expect(JSON.parse(createRedactor([OWN])(JSON.stringify({ a: [OWN, 1] })))).toEqual({ a: ['[redacted:own_secret]', 1] });
  });
});
