import type { Octokit } from '@octokit/rest';

/** One repository as a person watches it. */
export interface Watched {
  octokit: Octokit;
  owner: string;
  repo: string;
}

/** A repository of the local GitHub, in the organization that Banyan is installed in. */
export async function newRepository(octokit: Octokit, name: string, files: Record<string, string>): Promise<Watched> {
  const at = { owner: 'acme', repo: name };
  await octokit.rest.repos.createInOrg({ org: 'acme', name, auto_init: true });
  for (const [path, content] of Object.entries(files)) {
    await octokit.rest.repos.createOrUpdateFileContents({ ...at, path, message: `add ${path}`, content: Buffer.from(content).toString('base64') });
  }
  return { octokit, ...at };
}
