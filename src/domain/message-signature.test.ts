import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSignedBy, publicKeyText, readPublicKey, readSignature, signRequest } from './message-signature.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const KEY_ID = '01a1fefd-7a2e-7000-8000-0001d94f50dd';
const NOW = new Date('2026-11-23T12:00:00Z');
const CREATED = NOW.getTime() / 1000;
const request = { method: 'POST', path: '/api/agents/claim', body: Buffer.from('{"a":1}') };

const sign = (claims: { created?: number; nonce?: string } = {}) => signRequest(request, { keyId: KEY_ID, privateKey }, { created: CREATED, ...claims });
const read = (headers: Record<string, string>, changes: Partial<typeof request> = {}) =>
  readSignature({ ...request, ...changes, headers: new Headers(headers) }, NOW);

describe('a signed request', () => {
  it('says who signed it and when, and holds for that key only', () => {
    const signed = read(sign({ nonce: 'n'.repeat(16) }));
    expect(signed).toMatchObject({ keyId: KEY_ID, created: CREATED, nonce: 'n'.repeat(16) });
    expect(isSignedBy(signed!, publicKey)).toBe(true);
    expect(isSignedBy(signed!, generateKeyPairSync('ed25519').publicKey)).toBe(false);
    expect(sign()['signature-input']).not.toBe(sign()['signature-input']);
  });

  it('holds for its own method, path and body only', () => {
    const headers = sign();
    for (const changes of [{ method: 'PUT' }, { path: '/api/agents/release' }]) expect(isSignedBy(read(headers, changes)!, publicKey)).toBe(false);
    expect(read(headers, { body: Buffer.from('{"a":2}') })).toBeNull();
    const other = signRequest({ ...request, body: Buffer.from('{"a":2}') }, { keyId: KEY_ID, privateKey }, { created: CREATED });
    const mixed = read({ ...headers, 'content-digest': other['content-digest'] ?? '' }, { body: Buffer.from('{"a":2}') });
    expect(isSignedBy(mixed!, publicKey)).toBe(false);
  });

  it('counts for a minute before and after its time', () => {
    const at = (seconds: number) => read(sign({ created: CREATED + seconds })) !== null;
    expect([-61, -60, 0, 60, 61].map(at)).toEqual([false, true, true, true, false]);
  });

  it('in any other form is none', () => {
    const headers = sign();
    const input = headers['signature-input'] ?? '';
    const others = [
      '',
      input.replace('agent=', 'other='),
      input.replace('"content-digest"', '"date"'),
      input.replace(' "content-digest"', ''),
      input.replace('ed25519', 'none'),
      input.replace(/;nonce="[^"]*"/, ''),
      input.replace(/nonce="[^"]*"/, 'nonce="short"'),
      input.replace(KEY_ID, "x' or 1=1"),
      `${input};expires=9999999999`,
      `${input};created=${CREATED}`,
      `${input}, second=${input.slice(6)}`,
      'a'.repeat(100_000),
    ];
    for (const other of others) expect([other.slice(0, 200), read({ ...headers, 'signature-input': other })]).toEqual([other.slice(0, 200), null]);
    expect(read({ ...headers, signature: 'agent=:AAAA:' })).toBeNull();
    expect(read({ ...headers, 'content-digest': 'sha-256=:AAAA:' })).toBeNull();
    expect(read({})).toBeNull();
  });
});

it('follows RFC 9421: the key of its appendix B.1.4 signs what its section 2.5 builds', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----';
  const headers = signRequest(request, { keyId: KEY_ID, privateKey: createPrivateKey(pem) }, { created: CREATED, nonce: 'n'.repeat(16) });
  const known = readPublicKey('JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs');
  const signed = read(headers);
  expect(signed?.base).toBe(
    [
      '"@method": POST',
      '"@path": /api/agents/claim',
      `"content-digest": ${headers['content-digest']}`,
      `"@signature-params": ("@method" "@path" "content-digest");created=${CREATED};nonce="${'n'.repeat(16)}";keyid="${KEY_ID}";alg="ed25519"`,
    ].join('\n'),
  );
  expect(isSignedBy(signed!, known!)).toBe(true);
});

it('a public key survives as text, and no other text is one', () => {
  expect(publicKeyText(readPublicKey(publicKeyText(publicKey))!)).toBe(publicKeyText(publicKey));
  for (const text of ['', 'x', 'a'.repeat(42), `${'a'.repeat(42)}=`, 'a'.repeat(44)]) expect(readPublicKey(text)).toBeNull();
});
