import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { childEnvironment, runCommand } from '../../src/spawn/command.ts';
import { keepFleetIssue } from '../../src/spawn/fleet/issue.ts';
import { lookAtFleet } from '../../src/spawn/fleet/look.ts';
import { fleetText } from '../../src/spawn/fleet/words.ts';
import { hubApi, repositoryName, repositoryOf } from '../../src/spawn/hub.ts';
import { readTemplate } from '../../src/spawn/template.ts';

type Source = Record<string, string | undefined>;

function readOptions(args: readonly string[]) {
  try {
    const options = { owner: { type: 'string' }, in: { type: 'string' }, issue: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new BanyanError('config_invalid', toBanyanError(cause).message, { fix: 'See `npx banyan fleet --help`.', cause });
  }
}

function repositoryOfPackage(root: string): string | null {
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { repository?: string | { url?: string } };
  return repositoryOf((typeof repository === 'string' ? repository : repository?.url) ?? '');
}

async function motherOf(named: string | undefined, env: Source, signal: AbortSignal): Promise<string> {
  if (named !== undefined) return repositoryName(named, '--in');
  const root = packageRoot();
  if (env['GITHUB_REPOSITORY']) return repositoryName(env['GITHUB_REPOSITORY'], 'GITHUB_REPOSITORY');
  const remote = await runCommand('git', ['remote', 'get-url', 'origin'], { cwd: root, env: childEnvironment(env), signal }).catch(() => ({
    code: 1,
    output: '',
  }));
  const found = (remote.code === 0 ? repositoryOf(remote.output) : null) ?? repositoryOfPackage(root);
  if (found !== null) return found;
  throw new BanyanError('config_invalid', '--issue: nothing says where the mother is.', { fix: 'Name her: --in owner/repository', data: { field: 'in' } });
}

/** Not all could be looked at; as `banyan update --check` has it. */
const EXIT_UNSEEN = 2;

/** Shows the children that the token sees, and keeps the mother's issue about them current. */
export async function fleet(env: Source, args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const { signal } = new AbortController();
  const api = hubApi(env, signal, { name: 'fleet', needs: options.issue ? 'read the children and write issues of the mother' : 'read the children' });
  const mother = options.issue ? await motherOf(options.in, env, signal) : null;
  const found = await lookAtFleet(api, { owner: options.owner, template: readTemplate(packageRoot()) });
  if (!options.json) console.log(fleetText(found));
  // Said before anything is written, which may fail as well.
  if (found.unseen.length > 0 || found.children.some(({ unseen }) => unseen)) process.exitCode = EXIT_UNSEEN;
  const issue = mother === null ? null : await keepFleetIssue(api, mother, found);
  if (options.json) console.log(JSON.stringify({ ...found, issue }, null, 2));
  else if (issue) console.log(`\nIssue ${issue.what}: ${issue.url}`);
}
