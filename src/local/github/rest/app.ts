import type { Permissions } from '../core/access.ts';
import { coversRepository, holds } from '../core/access.ts';
import { Fault, notFound } from '../core/fault.ts';
import type { DeliveryRecord, JsonObject, Repository } from '../core/model.ts';
import { mintInstallationToken } from '../core/tokens.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { countedReply, created, findRepository, listReply, noContent, numberParam, ok } from '../http/call.ts';
import { objectOf, optionalText } from '../http/input.ts';
import { APP_SLUG, renderApp, renderInstallation } from '../render/app.ts';
import { renderFullRepository } from '../render/repositories.ts';
import { organizationOf } from './accounts.ts';

export const appRoutes: Route[] = [
  { method: 'GET', path: '/app', handle: (call) => ok({ ...renderApp(asApp(call).forge), installations_count: 1 }) },
  { method: 'GET', path: '/app/installations', handle: (call) => listReply(asApp(call), [1], () => renderInstallation(call.forge)) },
  { method: 'GET', path: '/app/installations/{id}', handle: (call) => ok(installation(call)) },
  { method: 'POST', path: '/app/installations/{id}/access_tokens', handle: createToken },
  {
    method: 'GET',
    path: '/repos/{owner}/{repo}/installation',
    handle: (call) => {
      findRepository(asApp(call));
      return ok(renderInstallation(call.forge));
    },
  },
  { method: 'GET', path: '/orgs/{org}/installation', handle: (call) => installationOfAccount(call, organizationOf(asApp(call)).login) },
  { method: 'GET', path: '/users/{username}/installation', handle: (call) => installationOfAccount(call, asApp(call).params.username ?? '') },
  { method: 'GET', path: '/installation/repositories', handle: listInstallationRepositories },
  { method: 'DELETE', path: '/installation/token', handle: revokeToken },
  { method: 'GET', path: '/apps/{slug}', handle: publicApp },
  { method: 'GET', path: '/app/hook/config', handle: (call) => ok(renderHookConfig(asApp(call))) },
  { method: 'PATCH', path: '/app/hook/config', handle: changeHookConfig },
  { method: 'GET', path: '/app/hook/deliveries', handle: listDeliveries },
  { method: 'GET', path: '/app/hook/deliveries/{id}', handle: (call) => ok(renderDelivery(call, deliveryOf(call))) },
  {
    method: 'POST',
    path: '/app/hook/deliveries/{id}/attempts',
    handle: (call) => {
      call.forge.deliveries.redeliver(deliveryOf(call));
      return { status: 202, json: {} };
    },
  },
];

function publicApp(call: Call): Reply {
  if (call.params.slug !== APP_SLUG) throw notFound();
  return ok(renderApp(call.forge));
}

function asApp(call: Call): Call {
  if (call.actor.kind === 'app') return call;
  throw new Fault(401, 'A JSON web token could not be decoded');
}

function installation(call: Call): JsonObject {
  if (numberParam(asApp(call), 'id') !== call.forge.store.root.installation.id) throw notFound();
  return renderInstallation(call.forge);
}

function installationOfAccount(call: Call, login: string): Reply {
  if (login.toLowerCase() !== call.forge.store.root.installation.account.toLowerCase()) throw notFound();
  return ok(renderInstallation(call.forge));
}

function createToken(call: Call): Reply {
  installation(call);
  const repositories = requestedRepositories(call);
  const permissions = requestedPermissions(call.forge.app.permissions, call.body.permissions);
  const { token, expiresAt } = mintInstallationToken(call.forge.store, { repositoryIds: repositories?.map(({ id }) => id) ?? null, permissions });
  return created({
    token,
    expires_at: expiresAt.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    permissions,
    repository_selection: repositories === null ? 'all' : 'selected',
    ...(repositories === null ? {} : { repositories: repositories.map((repository) => renderFullRepository(call.forge, repository, call.actor)) }),
  });
}

function requestedRepositories(call: Call): Repository[] | null {
  const { repositories: names, repository_ids: ids } = call.body;
  if (names === undefined && ids === undefined) return null;
  const { store } = call.forge;
  const wanted: unknown[] = [...(Array.isArray(names) ? names : []), ...(Array.isArray(ids) ? ids : [])];
  const found = wanted.map((item) => {
    const match = store.repositories.find((repository) => repository.id === item || repository.name.toLowerCase() === String(item).toLowerCase());
    if (match === undefined) {
      throw new Fault(422, 'There is at least one repository that does not exist or is not accessible to the parent installation.');
    }
    return match;
  });
  return [...new Set(found)];
}

function requestedPermissions(held: Permissions, value: unknown): Permissions {
  if (value === undefined || value === null) return held;
  const wanted = objectOf(value);
  const granted: Permissions = { metadata: 'read' };
  for (const [name, level] of Object.entries(wanted)) {
    if ((level !== 'read' && level !== 'write' && level !== 'admin') || !holds(held, `${name}:${level}`)) {
      throw new Fault(422, 'The permissions requested are not granted to this installation.');
    }
    granted[name] = level;
  }
  return granted;
}

function listInstallationRepositories(call: Call): Reply {
  const { actor, forge } = call;
  if (actor.kind !== 'installation')
    throw new Fault(403, 'You must authenticate with an installation access token in order to list repositories for an installation.');
  const mine = forge.store.repositories.filter((repository) => coversRepository(actor, repository));
  const reply = countedReply(call, mine, { key: 'repositories', render: (repository) => renderFullRepository(forge, repository, actor) });
  return { ...reply, json: { ...objectOf(reply.json), repository_selection: actor.repositoryIds === null ? 'all' : 'selected' } };
}

function revokeToken(call: Call): Reply {
  if (call.actor.kind !== 'installation') throw new Fault(401, 'Bad credentials');
  call.forge.store.root.revokedTokens.push(call.actor.tokenId);
  call.forge.store.touch();
  return noContent();
}

function renderHookConfig({ forge }: Call): JsonObject {
  return { content_type: 'json', insecure_ssl: '0', secret: '********', url: forge.store.root.webhook.url ?? '' };
}

function changeHookConfig(call: Call): Reply {
  const { webhook } = asApp(call).forge.store.root;
  webhook.url = optionalText(call.body, 'url') ?? webhook.url;
  webhook.secret = optionalText(call.body, 'secret') ?? webhook.secret;
  call.forge.store.touch();
  return ok(renderHookConfig(call));
}

function listDeliveries(call: Call): Reply {
  const { forge, query } = asApp(call);
  const size = Math.min(Math.max(Number(query.get('per_page') ?? 30) || 30, 1), 100);
  const cursor = /^v1_(\d+)$/.exec(query.get('cursor') ?? '')?.[1];
  const status = query.get('status');
  const fitting = forge.deliveries.list().filter((record) => {
    const beyond = cursor === undefined || record.id < Number(cursor);
    const failed = record.statusCode < 200 || record.statusCode >= 400;
    return beyond && (status === null || (status === 'failure') === failed);
  });
  const page = fitting.slice(0, size);
  const last = page.at(-1);
  const next = new URLSearchParams({ per_page: String(size), ...(status === null ? {} : { status }), cursor: `v1_${last?.id ?? 0}` });
  const link = fitting.length > size ? { link: `<${forge.url}${call.prefix}${call.path}?${next.toString()}>; rel="next"` } : undefined;
  return { status: 200, json: page.map((record) => renderDeliveryItem(call, record)), ...(link === undefined ? {} : { headers: link }) };
}

function deliveryOf(call: Call): DeliveryRecord {
  const record = asApp(call).forge.deliveries.find(numberParam(call, 'id'));
  if (record === undefined) throw notFound();
  return record;
}

function renderDeliveryItem({ forge }: Call, record: DeliveryRecord): JsonObject {
  return {
    id: record.id,
    guid: record.guid,
    delivered_at: record.deliveredAt,
    redelivery: record.redelivery,
    duration: record.durationSeconds,
    status: record.status,
    status_code: record.statusCode,
    event: record.event,
    action: record.action,
    installation_id: forge.store.root.installation.id,
    repository_id: record.repositoryId,
    throttled_at: null,
  };
}

function renderDelivery(call: Call, record: DeliveryRecord): JsonObject {
  return {
    ...renderDeliveryItem(call, record),
    url: record.url,
    request: { headers: record.requestHeaders, payload: record.payload },
    response: { headers: record.responseHeaders, payload: record.responseBody },
  };
}
