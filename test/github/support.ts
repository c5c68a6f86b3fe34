import { createGitHubApp } from '../../src/github/app.ts';
import type { Project } from '../../src/domain/model.ts';
import type { Repository } from '../../src/github/repository.ts';
import { APP_ID } from '../local-github/harness.ts';
import type { Stand } from '../local-github/harness.ts';
import { readGitHubRequest } from '../../src/testing/mortal.ts';

export interface Client {
  repository: Repository;
  /** Every request so far, as `POST /repos/acme/shop/issues`. */
  sent: string[];
}

/** Banyan's side of one repository of a local GitHub. */
export async function clientOf(stand: Stand, name: string): Promise<Client> {
  const { data } = await stand.maintainer.rest.repos.get({ owner: 'acme', repo: name });
  const project: Project = {
    id: name,
    organization_id: 'acme',
    installation_id: 5001,
    github_id: data.id,
    owner: 'acme',
    name,
    default_branch: data.default_branch,
  };
  const sent: string[] = [];
  const app = createGitHubApp({
    appId: APP_ID,
    privateKey: stand.privateKey,
    apiUrl: stand.url,
    graphqlUrl: `${stand.url}/graphql`,
    async fetch(input, init) {
      const { method, path } = await readGitHubRequest(input, init);
      sent.push(`${method} ${path}`);
      return fetch(input, init);
    },
  });
  return { repository: await app.repository(project), sent };
}
