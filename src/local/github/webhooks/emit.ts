import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { Account, JsonObject, Repository } from '../core/model.ts';
import { renderAccount, renderOrganization } from '../render/accounts.ts';
import { APP_EVENTS, renderInstallation } from '../render/app.ts';
import { renderRepository } from '../render/repositories.ts';

export interface WebhookEvent {
  event: string;
  action: string | null;
  sender: Account;
  payload: JsonObject;
}

/** Queues a webhook about a repository, with the parts that every payload has. */
export function emit(forge: Forge, repository: Repository, { event, action, sender, payload }: WebhookEvent): void {
  if (!forge.app.events.includes(event) && APP_EVENTS.includes(event)) return;
  const owner = forge.store.account(repository.owner);
  forge.deliveries.enqueue({
    event,
    action,
    repositoryId: repository.id,
    payload: {
      ...(action === null ? {} : { action }),
      ...payload,
      repository: payload.repository ?? renderRepository(forge, repository),
      ...(owner?.type === 'Organization' ? { organization: renderOrganization(forge, owner) } : {}),
      sender: renderAccount(forge, sender),
      installation: installationStub(forge),
    },
  });
}

/** Queues a webhook about the installation itself. */
export function emitInstallation(forge: Forge, { event, action, sender, payload }: WebhookEvent): void {
  forge.deliveries.enqueue({
    event,
    action,
    repositoryId: null,
    payload: { action, installation: renderInstallation(forge), ...payload, sender: renderAccount(forge, sender) },
  });
}

function installationStub(forge: Forge): JsonObject {
  const { id } = forge.store.root.installation;
  return { id, node_id: nodeId('MDI', id) };
}
