import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { APP_ID, failure, SHOP, signJwt, startStand } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

async function statusWith(token: string, path: string): Promise<number> {
  const response = await fetch(stand.url + path, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

describe('the App', () => {
  it('is known by its key only', async () => {
    expect((await stand.app.rest.apps.getAuthenticated()).data).toMatchObject({ id: APP_ID, slug: 'banyan' });
    const now = Math.floor(Date.now() / 1000);
    expect(await statusWith(signJwt({ iss: APP_ID, iat: now - 60, exp: now + 60 }, stand.privateKey), '/api/v3/app')).toBe(200);
    expect(await statusWith(signJwt({ iss: APP_ID, iat: now - 120, exp: now - 60 }, stand.privateKey), '/app')).toBe(401);
    expect(await statusWith(signJwt({ iss: APP_ID + 1, iat: now - 60, exp: now + 60 }, stand.privateKey), '/app')).toBe(401);
    const forged = signJwt({ iss: APP_ID, iat: now - 60, exp: now + 60 }, stand.privateKey).replace(/.{8}$/, 'AAAAAAAA');
    expect(await statusWith(forged, '/app')).toBe(401);
    expect(await statusWith('maintainer-token', '/app')).toBe(401);
  });

  it('has one installation that covers new repositories', async () => {
    const { data: installations } = await stand.app.rest.apps.listInstallations();
    expect(installations).toMatchObject([{ account: { login: 'acme' }, repository_selection: 'all' }]);
    await stand.delivered();
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'dotted.name-2', auto_init: true });
    expect(await stand.delivered()).toEqual(['installation_repositories.added', 'repository.created', 'create', 'push', 'check_suite.requested']);
    const { data } = await stand.app.rest.apps.getRepoInstallation({ owner: 'acme', repo: 'dotted.name-2' });
    expect(data.id).toBe(installations[0]?.id);
    const { octokit, token } = await stand.installation();
    expect(token).toMatch(/^ghs_77_[\w-]+\.[\w-]+\.[\w-]+$/);
    const { data: listed } = await octokit.rest.apps.listReposAccessibleToInstallation();
    expect(listed.repositories.map(({ full_name }) => full_name)).toEqual(['acme/shop', 'acme/dotted.name-2']);
  });
});

describe('an installation token', () => {
  it('reaches only what it was narrowed to', async () => {
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'secret', private: true, auto_init: true });
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'open', auto_init: true });
    const { octokit } = await stand.installation({ repositories: ['shop'], permissions: { issues: 'read', contents: 'read' } });
    expect((await octokit.rest.issues.listForRepo(SHOP)).status).toBe(200);
    expect(await failure(octokit.rest.issues.create({ ...SHOP, title: 'no' }))).toMatchObject({
      status: 403,
      data: { message: 'Resource not accessible by integration' },
    });
    expect((await failure(octokit.rest.checks.listForRef({ ...SHOP, ref: 'main' }))).status).toBe(403);
    expect((await failure(octokit.rest.repos.get({ owner: 'acme', repo: 'secret' }))).status).toBe(404);
    const writer = await stand.installation({ repositories: ['shop'] });
    expect((await failure(writer.octokit.rest.issues.create({ owner: 'acme', repo: 'open', title: 'no' }))).status).toBe(403);
    const { data: listed } = await writer.octokit.rest.apps.listReposAccessibleToInstallation();
    expect(listed.repositories.map(({ name }) => name)).toEqual(['shop']);
  });

  it('cannot ask for more than the App has, or for unknown repositories', async () => {
    expect((await failure(stand.installation({ permissions: { administration: 'write' } }))).status).toBe(422);
    expect((await failure(stand.installation({ repositories: ['nowhere'] }))).status).toBe(422);
  });

  it('acts as the bot, and not at all when it was given back', async () => {
    const { octokit } = await stand.installation();
    const { data: issue } = await octokit.rest.issues.create({ ...SHOP, title: 'by the bot' });
    expect(issue).toMatchObject({ user: { login: 'banyan[bot]', type: 'Bot' }, performed_via_github_app: { slug: 'banyan' } });
    await octokit.rest.apps.revokeInstallationAccessToken();
    expect((await failure(octokit.rest.issues.listForRepo(SHOP))).status).toBe(401);
  });
});

describe('permissions of people', () => {
  it('are told as GitHub tells them', async () => {
    const { octokit } = await stand.installation();
    const ask = async (username: string) => (await octokit.rest.repos.getCollaboratorPermissionLevel({ ...SHOP, username })).data;
    expect(await ask('maintainer')).toMatchObject({ permission: 'admin', role_name: 'admin', user: { permissions: { push: true } } });
    expect(await ask('visitor')).toMatchObject({ permission: 'read', role_name: 'read', user: { permissions: { push: false } } });
    await stand.maintainer.rest.repos.addCollaborator({ ...SHOP, username: 'visitor', permission: 'triage' });
    expect(await ask('visitor')).toMatchObject({ permission: 'read', role_name: 'triage' });
    await stand.maintainer.rest.repos.removeCollaborator({ ...SHOP, username: 'visitor' });
    expect((await failure(stand.visitor.rest.repos.addCollaborator({ ...SHOP, username: 'visitor' }))).status).toBe(403);
    expect((await failure(stand.maintainer.rest.repos.getCollaboratorPermissionLevel({ ...SHOP, username: 'nobody-here' }))).status).toBe(404);
  });

  it('hide private repositories', async () => {
    await stand.maintainer.rest.repos.createInOrg({ org: 'acme', name: 'hidden', private: true, auto_init: true });
    expect((await failure(stand.visitor.rest.repos.get({ owner: 'acme', repo: 'hidden' }))).status).toBe(404);
    expect((await failure(stand.anonymous.rest.issues.listForRepo({ owner: 'acme', repo: 'hidden' }))).status).toBe(404);
    const page = await fetch(`${stand.url}/acme/hidden`);
    expect([page.status, (await page.text()).includes('hidden</strong>')]).toEqual([404, false]);
  });
});
