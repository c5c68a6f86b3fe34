import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { publicKeyText, signRequest } from '../../src/domain/message-signature.ts';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { AGENT_USAGE } from './usage.ts';

const USAGE = ['Usage: npx banyan agent <action>', '', ...AGENT_USAGE.map((line) => `  ${line}`)].join('\n');

const OPTIONS = ['url', 'organization', 'role', 'name', 'key', 'out', 'agent', 'key-file', 'action', 'body'] as const;
/** The longest that a function of the deployment may take. */
const TIMEOUT_MS = 60_000;

type Options = Partial<Record<(typeof OPTIONS)[number], string>>;

function wrong(message: string): BanyanError {
  return new BanyanError('config_invalid', message, { fix: USAGE });
}

function need(options: Options, name: keyof Options): string {
  const value = options[name];
  if (value) return value;
  throw wrong(`--${name} is missing.`);
}

/** The private key is written for its owner alone, over no file that is there, and never shown. */
function keygen(options: Options): void {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const out = need(options, 'out');
  try {
    writeFileSync(out, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new BanyanError('config_invalid', `The key could not be written to ${out}: ${toBanyanError(cause).message}`, { cause });
  }
  console.log(publicKeyText(publicKey));
}

interface Post {
  url: string;
  path: string;
  body: Uint8Array;
  headers: Record<string, string>;
}

async function post({ url, path, body, headers }: Post): Promise<void> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new BanyanError('config_invalid', '--url is no address.', { fix: 'Give the whole of it: --url https://banyan.example.com' });
  let response: Response;
  try {
    response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: Buffer.from(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw new BanyanError('not_found', `${new URL(url).origin} could not be reached.`, {
      fix: 'Look whether it is deployed, and whether the address is right: --url.',
      cause,
    });
  }
  console.log(await response.text());
  if (!response.ok) process.exitCode = 1;
}

function readGiven(options: Options, name: 'body' | 'key-file'): Buffer {
  const path = need(options, name);
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BanyanError('not_found', `The file ${path} cannot be read.`, { fix: `Name another one with --${name}.`, cause });
  }
}

function readKey(options: Options): KeyObject {
  const pem = readGiven(options, 'key-file');
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below: what its library says of a file that is none helps nobody.
  }
  throw new BanyanError('config_invalid', `${options['key-file']} is no private key of \`banyan agent keygen\`.`, { fix: 'Name the file of --out.' });
}

interface Administration {
  action: 'register' | 'retire';
  body: object;
  env: Record<string, string | undefined>;
}

function administer(options: Options, { action, body, env }: Administration): Promise<void> {
  const secret = env['CRON_SECRET'];
  if (!secret) throw wrong('CRON_SECRET is not set.');
  const headers = { authorization: `Bearer ${secret}` };
  return post({ url: need(options, 'url'), path: `/api/agents/${action}`, body: Buffer.from(JSON.stringify(body)), headers });
}

function send(options: Options): Promise<void> {
  const path = `/api/agents/${need(options, 'action')}`;
  const body = options.body ? readGiven(options, 'body') : Buffer.from('{}');
  const privateKey = readKey(options);
  const headers = signRequest({ method: 'POST', path, body }, { keyId: need(options, 'agent'), privateKey });
  return post({ url: need(options, 'url'), path, body, headers });
}

/** Every option has a value, which may begin with a dash: some public keys do. */
function joined(args: readonly string[]): string[] {
  const isOption = (arg: string | undefined) => OPTIONS.some((name) => arg === `--${name}`);
  return args.flatMap((arg, index) => {
    if (index > 0 && isOption(args[index - 1]) && !isOption(arg)) return [];
    const value = args[index + 1];
    return isOption(arg) && value !== undefined && !isOption(value) ? [`${arg}=${value}`] : [arg];
  });
}

function parse(args: readonly string[]): { action: string | undefined; options: Options } {
  try {
    const options = Object.fromEntries(OPTIONS.map((name) => [name, { type: 'string' as const }]));
    const { positionals, values } = parseArgs({ args: joined(args), allowPositionals: true, options });
    return { action: positionals[0], options: values };
  } catch (thrown) {
    throw wrong(toBanyanError(thrown).message);
  }
}

/** Keys and registration of agents of elsewhere. */
export async function agent(env: Record<string, string | undefined>, args: readonly string[]): Promise<void> {
  const { action, options } = parse(args);
  switch (action) {
    case 'keygen':
      return keygen(options);
    case 'register': {
      const [organization, role, name, key] = [need(options, 'organization'), need(options, 'role'), need(options, 'name'), need(options, 'key')];
      return administer(options, { action, body: { organization, role, name, key }, env });
    }
    case 'retire':
      return administer(options, { action, body: { agent: need(options, 'agent') }, env });
    case 'send':
      return send(options);
    default:
      throw wrong(action ? `There is no action "${action}".` : 'Say what to do.');
  }
}
