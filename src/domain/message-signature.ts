import { createHash, createPublicKey, randomBytes, sign, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/*
 * Requests that an agent signs: HTTP Message Signatures (RFC 9421) with Ed25519 over the method, the path and the digest of the body
 * (`Content-Digest`, RFC 9530), with the time, a nonce, and the agent's id as `keyid`. Nothing less is accepted, and nothing that covers other parts:
 * a signature says the same whoever makes it.
 */

/** A signature counts for so long before and after the moment that it names. */
export const SIGNATURE_WINDOW_SECONDS = 60;

const COVERED = '("@method" "@path" "content-digest")';
const LABEL = 'agent';
const NONCE = /^[A-Za-z0-9_-]{16,64}$/;
const KEY_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The head of every Ed25519 public key in DER (RFC 8410); the 32 bytes of the key follow. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

export interface SignedRequest {
  method: string;
  /** As it was signed: `/api/agents/claim`. */
  path: string;
  body: Uint8Array;
  headers: { get(name: string): string | null };
}

export interface SignatureClaims {
  keyId: string;
  nonce: string;
  /** Seconds since the epoch. */
  created: number;
}

export interface ReadSignature extends SignatureClaims {
  base: string;
  signature: Uint8Array;
}

function digestOf(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function baseOf(request: Pick<SignedRequest, 'method' | 'path'>, digest: string, parameters: string): string {
  const lines = [`"@method": ${request.method.toUpperCase()}`, `"@path": ${request.path}`, `"content-digest": ${digest}`, `"@signature-params": ${parameters}`];
  return lines.join('\n');
}

function parametersOf({ keyId, nonce, created }: SignatureClaims): string {
  return `${COVERED};created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519"`;
}

/** The 32 bytes of a public key, base64url: what stands in the registry. */
export function publicKeyText(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(SPKI_HEAD.length).toString('base64url');
}

/** Null where the text is no Ed25519 public key. */
export function readPublicKey(text: string): KeyObject | null {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_HEAD, Buffer.from(text, 'base64url')]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** The headers that sign a request. */
export function signRequest(
  request: Pick<SignedRequest, 'method' | 'path' | 'body'>,
  { keyId, privateKey }: { keyId: string; privateKey: KeyObject },
  { created = Math.floor(Date.now() / 1000), nonce = randomBytes(18).toString('base64url') }: Partial<SignatureClaims> = {},
): Record<string, string> {
  const parameters = parametersOf({ keyId, nonce, created });
  const digest = digestOf(request.body);
  const signature = sign(null, Buffer.from(baseOf(request, digest, parameters)), privateKey).toString('base64');
  return { 'content-digest': digest, 'signature-input': `${LABEL}=${parameters}`, signature: `${LABEL}=:${signature}:` };
}

function readParameters(text: string): SignatureClaims | null {
  const [covered, ...pairs] = text.split(';');
  const values = new Map(
    pairs.map((pair): [string, string] => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1).replace(/^"(.*)"$/, '$1')]),
  );
  const [created, nonce, keyId] = [Number(values.get('created')), values.get('nonce') ?? '', values.get('keyid') ?? ''];
  const isWhole = covered === COVERED && pairs.length === 4 && values.size === 4 && values.get('alg') === 'ed25519';
  return isWhole && Number.isSafeInteger(created) && NONCE.test(nonce) && KEY_ID.test(keyId) ? { created, nonce, keyId } : null;
}

/** What a request says about who signed it and when, where its form, its time and the digest of its body hold; the signature itself is not looked at yet. */
export function readSignature(request: SignedRequest, now: Date): ReadSignature | null {
  const input = /^([a-z][a-z0-9_-]{0,31})=(\(.{1,400})$/.exec(request.headers.get('signature-input') ?? '');
  const given = /^([a-z][a-z0-9_-]{0,31})=:([A-Za-z0-9+/]{86}==):$/.exec(request.headers.get('signature') ?? '');
  const [label, parameters] = [input?.[1], input?.[2]];
  if (parameters === undefined || label !== given?.[1]) return null;
  const claims = readParameters(parameters);
  if (!claims || Math.abs(now.getTime() / 1000 - claims.created) > SIGNATURE_WINDOW_SECONDS) return null;
  const digest = digestOf(request.body);
  const named = Buffer.from(request.headers.get('content-digest') ?? '');
  if (named.length !== digest.length || !timingSafeEqual(named, Buffer.from(digest))) return null;
  return { ...claims, base: baseOf(request, digest, parameters), signature: Buffer.from(given?.[2] ?? '', 'base64') };
}

export function isSignedBy({ base, signature }: ReadSignature, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(base), publicKey, signature);
}
