import { createHmac, createPublicKey, createVerify, randomUUID, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ACTIONS_PERMISSIONS } from './access.ts';
import type { Actor, Permissions } from './access.ts';
import { Fault } from './fault.ts';
import type { JsonObject } from './model.ts';
import type { ForgeStore } from './store.ts';

const HOUR_SECONDS = 3600;

export interface InstallationGrant {
  repositoryIds: number[] | null;
  permissions: Permissions;
}

export function publicKeyOf(privateKey: string): KeyObject {
  return createPublicKey(privateKey);
}

/** A token that carries its own grant, in the format of 2026: `ghs_<app id>_<JWT>`. */
export function mintInstallationToken(store: ForgeStore, grant: InstallationGrant): { token: string; expiresAt: Date } {
  const expires = Math.floor(Date.now() / 1000) + HOUR_SECONDS;
  const claims = { jti: randomUUID(), inst: store.root.installation.id, repos: grant.repositoryIds, perms: grant.permissions, exp: expires };
  const head = encode({ alg: 'HS256', typ: 'JWT' });
  const unsigned = `${head}.${encode(claims)}`;
  return { token: `ghs_${store.root.appId}_${unsigned}.${hmac(store, unsigned)}`, expiresAt: new Date(expires * 1000) };
}

/** Who a bearer or basic credential is. Throws 401 for one that is not good. */
export function authenticate(store: ForgeStore, appKey: KeyObject, token: string): Actor {
  const login = store.root.tokens[token];
  const account = login === undefined ? undefined : store.account(login);
  if (account?.type === 'Bot') return { kind: 'installation', account, tokenId: token, repositoryIds: null, permissions: ACTIONS_PERMISSIONS };
  if (account !== undefined) return { kind: 'user', account };
  if (token.startsWith('ghs_')) return installationActor(store, token);
  if (token.split('.').length === 3) return appActor(store, appKey, token);
  throw new Fault(401, 'Bad credentials');
}

function installationActor(store: ForgeStore, token: string): Actor {
  const prefix = `ghs_${store.root.appId}_`;
  const [head, claimsPart, signature] = token.slice(prefix.length).split('.');
  const unsigned = `${head}.${claimsPart}`;
  const signed = token.startsWith(prefix) && signature !== undefined && equal(signature, hmac(store, unsigned));
  const claims = signed ? decode(claimsPart ?? '') : {};
  const expired = Number(claims.exp ?? 0) * 1000 <= Date.now();
  if (!signed || expired || store.root.revokedTokens.includes(String(claims.jti))) throw new Fault(401, 'Bad credentials');
  const account = store.account('banyan[bot]');
  if (account === undefined) throw new Fault(401, 'Bad credentials');
  return {
    kind: 'installation',
    account,
    tokenId: String(claims.jti),
    repositoryIds: claims.repos as number[] | null,
    permissions: claims.perms as Permissions,
  };
}

function appActor(store: ForgeStore, appKey: KeyObject, token: string): Actor {
  const [head = '', claimsPart = '', signature = ''] = token.split('.');
  const verifier = createVerify('RSA-SHA256').update(`${head}.${claimsPart}`);
  if (decode(head).alg !== 'RS256' || !verifier.verify(appKey, signature, 'base64url')) {
    throw new Fault(401, 'A JSON web token could not be decoded');
  }
  const claims = decode(claimsPart);
  const now = Date.now() / 1000;
  const [issued, expires] = [Number(claims.iat ?? 0), Number(claims.exp ?? 0)];
  if (String(claims.iss) !== String(store.root.appId)) throw new Fault(401, "'Issuer' claim ('iss') must be the App ID or Client ID");
  if (issued > now + 60) throw new Fault(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  if (expires <= now)
    throw new Fault(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires");
  if (expires > now + 11 * 60) throw new Fault(401, "'Expiration time' claim ('exp') is too far in the future");
  return { kind: 'app' };
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): JsonObject {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonObject;
  } catch {
    return {};
  }
}

function hmac(store: ForgeStore, text: string): string {
  return createHmac('sha256', store.root.tokenSecret).update(text).digest('base64url');
}

function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
