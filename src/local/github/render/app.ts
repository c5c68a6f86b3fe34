import type { Forge } from '../core/forge.ts';
import { nodeId } from '../core/ids.ts';
import type { JsonObject } from '../core/model.ts';
import { accountNodeId, renderAccount } from './accounts.ts';

export const APP_SLUG = 'banyan';

/** Everything that there is, where nobody says what. */
export const APP_EVENTS: readonly string[] = [
  'check_run',
  'check_suite',
  'create',
  'delete',
  'deployment',
  'deployment_status',
  'issue_comment',
  'issues',
  'label',
  'member',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'push',
  'repository',
  'status',
  'sub_issues',
  'workflow_run',
];

function installationAccount(forge: Forge): JsonObject {
  const account = forge.store.account(forge.store.root.installation.account);
  return account === undefined ? {} : renderAccount(forge, account);
}

export function renderApp(forge: Forge): JsonObject {
  const owner = forge.store.account(forge.store.root.installation.account);
  return {
    id: forge.store.root.appId,
    slug: APP_SLUG,
    node_id: nodeId('A', forge.store.root.appId),
    client_id: `Iv23li${forge.store.root.appId}`,
    owner: owner === undefined ? null : { ...renderAccount(forge, owner), node_id: accountNodeId(owner) },
    name: 'Banyan',
    description: 'A software team that lives in GitHub.',
    external_url: forge.url,
    html_url: `${forge.url}/apps/${APP_SLUG}`,
    created_at: forge.store.root.installation.createdAt,
    updated_at: forge.store.root.installation.createdAt,
    permissions: forge.app.permissions,
    events: [...forge.app.events],
  };
}

export function renderInstallation(forge: Forge): JsonObject {
  const { id, account, createdAt } = forge.store.root.installation;
  const owner = forge.store.account(account);
  return {
    id,
    account: installationAccount(forge),
    access_tokens_url: `${forge.url}/app/installations/${id}/access_tokens`,
    repositories_url: `${forge.url}/installation/repositories`,
    html_url: `${forge.url}/organizations/${account}/settings/installations/${id}`,
    app_id: forge.store.root.appId,
    app_slug: APP_SLUG,
    target_id: owner?.id ?? 0,
    target_type: owner?.type ?? 'Organization',
    permissions: forge.app.permissions,
    events: [...forge.app.events],
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    repository_selection: 'all',
    created_at: createdAt,
    updated_at: createdAt,
    suspended_by: null,
    suspended_at: null,
  };
}
