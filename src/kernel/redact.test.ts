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

  // Not those that are told by what stands before them.
  const ESCAPED: [how: string, before: string][] = [
    ['the first of a line in JSON', JSON.stringify('output:\n').slice(1, -1)],
    ['the first of a line in JSON in JSON', JSON.stringify(JSON.stringify('\r\n')).slice(1, -1)],
    ['behind a tab', '\\t'],
    ['behind a colour', '\x1b[32m'],
    ['behind a colour in JSON', '\\u001b[1;31m'],
    ['in a URL', 'https%3A%2F%2Fhost%3Fkey%3D'],
    ['in a URL in a URL', '%253A'],
  ];
  test.each(ESCAPED)('every form is found %s', (_, before) => {
    for (const [kind, secret] of SECRETS) {
      const clean = redactSecrets(`${before}${JSON.stringify(secret).slice(1, -1)}`);
      expect(clean).toBe(`${before}[redacted:${kind}]`);
    }
  });

  const AWS = random(40);
  test.each([
    ['a key quoted in a quoted text', JSON.stringify(JSON.stringify({ 'x-api-key': AWS })), 'api_key'],
    ['credentials in JSON in a line of the log', JSON.stringify(JSON.stringify({ SecretAccessKey: AWS })), 'aws_secret_key'],
    ['basic authorization in JSON in a line', JSON.stringify(JSON.stringify({ authorization: `Basic ${AWS}` })), 'bearer_token'],
    ['a password with an @', 'postgres://app:pa@ss9word@db.example.com/app', 'url_credentials'],
    ['a password with a slash', 'mysql://root:a/b9word@db/app', 'url_credentials'],
    ['a password as a URL has it', 'postgres://app:pa%40ss9word@db/app', 'url_credentials'],
    ['a URL inside a URL', 'https%3A%2F%2Fx-access-token%3Ahunter2fish%40github.com', 'url_credentials'],
    ['a token alone before the host', `https://${AWS}@github.com/acme/shop`, 'url_credentials'],
    ['a connection of libpq', 'host=db user=app password=hunter2fish dbname=x', 'connection_password'],
    ['a connection of ADO', 'Server=db;User Id=sa;Password=hunter2fish;', 'connection_password'],
    ['a password of the environment', 'PGPASSWORD=hunter2fish psql', 'connection_password'],
    ['a key of the environment', join('VERCEL', '_TOKEN=', random(24)), 'named_secret'],
    ['a key of OpenRouter', join('sk', '-or-v1-', 'a1b2'.repeat(16)), 'openai_key'],
    ['a key of DeepSeek', join('sk', '-', 'a1b2'.repeat(8)), 'openai_key'],
    ['a PEM in base64', Buffer.from(pem('RSA ')).toString('base64'), 'private_key'],
    ['a token in base64', Buffer.from(join('x-access-token:ghs', '_', random(36))).toString('base64'), 'encoded_secret'],
    ['a name before it', join('MY_ghp', '_', random(36)), 'github_token'],
  ])('%s is found', (_, text, kind) => {
    expect(findSecrets(text).map((found) => found.kind)).toEqual([kind]);
    expect(redactSecrets(text)).not.toMatch(/hunter2fish|pa@ss|ss9word|b9word|aB3dE5fG7hJ9kL1mN2pQ4rS6|a1b2a1b2/);
    expect(redactSecrets(redactSecrets(text))).toBe(redactSecrets(text));
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
    'npm run task-management-2026-Release-candidate-build',
    'const password = getPassword(); // host=localhost',
    'GITHUB_TOKEN=${{ secrets.GITHUB_TOKEN }} and API_KEY=your-api-key-goes-here',
    'sha512-MsrGwHlrK3xX2mTjFTyDWL2ulxTNyVbkmHLLHR9fWJdLb8ZdL8fnYYNUMEmGqN9bIgYtdmcGGLM3ka5XyVdPtA==',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
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
    'eyJ_',
    '\\neyJ',
    'https://',
    'host=a ',
    'A_TOKEN=',
    'TOKEN_A',
    'postgres://a:b@',
    'LS0tLS1CRUdJTi',
    'task-sk-',
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
    ['in a form', new URLSearchParams({ key: OWN }).toString()],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ value: OWN }))],
    ['in base64', Buffer.from(OWN).toString('base64')],
    ['behind a user in base64', Buffer.from(`user:${OWN}`).toString('base64')],
    ['in hexadecimal', Buffer.from(OWN).toString('hex')],
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
