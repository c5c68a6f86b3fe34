import { randomBytes } from 'node:crypto';
import { commitInitialFiles, createRepository } from './actions/repositories.ts';
import type { Forge } from './core/forge.ts';
import { timestamp } from './core/forge.ts';
import type { Account, ForgeRoot } from './core/model.ts';
import { SHOP_FILES } from './seed-files.ts';

/** The people, the organization and the App that a new local GitHub starts with. */
export function initialRoot(appId: number): ForgeRoot {
  const now = timestamp();
  const account = (id: number, login: string, { type, name }: Pick<Account, 'type' | 'name'>): Account => ({
    id,
    login,
    type,
    name,
    email: type === 'User' ? `${login}@example.com` : null,
    createdAt: now,
  });
  return {
    nextId: 10_000,
    accounts: [
      account(1, 'acme', { type: 'Organization', name: 'Acme' }),
      account(2, 'maintainer', { type: 'User', name: 'Mae Maintainer' }),
      account(3, 'visitor', { type: 'User', name: 'Vic Visitor' }),
      account(4, 'banyan[bot]', { type: 'Bot', name: null }),
      account(41_898_282, 'github-actions[bot]', { type: 'Bot', name: null }),
    ],
    organizationAdmins: { acme: ['maintainer'] },
    tokens: { 'maintainer-token': 'maintainer', 'visitor-token': 'visitor', 'actions-token': 'github-actions[bot]' },
    installation: { id: 5001, account: 'acme', createdAt: now },
    appId,
    tokenSecret: randomBytes(32).toString('hex'),
    revokedTokens: [],
    webhook: { url: null, secret: '' },
  };
}

export async function seedShop(forge: Forge): Promise<void> {
  const maintainer = forge.store.account('maintainer');
  if (maintainer === undefined) return;
  const repository = createRepository(forge, maintainer, {
    owner: 'acme',
    name: 'shop',
    description: 'A small shopping cart.',
    private: false,
    defaultBranch: 'main',
  });
  await commitInitialFiles(forge, { repository, by: maintainer, files: SHOP_FILES, message: 'feat: a small shopping cart\n' });
}
