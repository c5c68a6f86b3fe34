import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RefChange } from '../actions/refs.ts';
import { afterRefChange } from '../actions/refs.ts';
import type { Actor } from '../core/access.ts';
import { actingAccount, actorRole, authorize } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import type { Repository } from '../core/model.ts';
import { READ_CONTENTS, WRITE_CONTENTS } from '../core/needs.ts';
import { serveGit } from '../git/http.ts';

const GIT_PATH = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/;

export interface GitRequest {
  owner: string;
  name: string;
  rest: string;
  query: string;
  writes: boolean;
}

/** Undefined when the address is not git's smart protocol. */
export function readGitRequest(url: URL): GitRequest | undefined {
  const match = GIT_PATH.exec(url.pathname);
  const [, owner, name, rest] = match ?? [];
  if (owner === undefined || name === undefined || rest === undefined) return undefined;
  const writes = rest === '/git-receive-pack' || url.searchParams.get('service') === 'git-receive-pack';
  return { owner, name, rest, query: url.search.slice(1), writes };
}

/** Clone, fetch and push. A push has the same consequences as the same change through the API. */
export async function handleGit(
  forge: Forge,
  exchange: { request: IncomingMessage; response: ServerResponse },
  { git, actor }: { git: GitRequest; actor: Actor },
): Promise<void> {
  const repository = forge.store.repository(git.owner, git.name);
  const anonymous = actor.kind === 'anonymous';
  if (anonymous && (git.writes || repository === undefined || actorRole(forge.store, repository, actor) === null)) return askForLogin(exchange.response);
  try {
    if (repository === undefined) throw new Fault(404, 'Not Found');
    authorize(forge.store, repository, { actor, need: git.writes ? WRITE_CONTENTS : READ_CONTENTS });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return refuse(exchange.response, error);
  }
  const call = {
    root: forge.gitRoot,
    folder: forge.gitFolder(repository),
    rest: git.rest,
    query: git.query,
    user: anonymous ? undefined : actingAccount(actor).login,
    finish: () => Promise.resolve(),
  };
  if (git.rest !== '/git-receive-pack') return serveGit(exchange.request, exchange.response, call);
  await forge.exclusive(repository, () => {
    const before = forge.git(repository).refs.list();
    return serveGit(exchange.request, exchange.response, { ...call, finish: () => settlePush(forge, repository, { actor, before }) });
  });
}

async function settlePush(forge: Forge, repository: Repository, { actor, before }: { actor: Actor; before: Map<string, string> }): Promise<void> {
  const git = forge.git(repository);
  const after = git.refs.list();
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const changes: RefChange[] = names
    .map((ref) => ({ ref, before: before.get(ref) ?? null, after: after.get(ref) ?? null }))
    .filter((change) => change.before !== change.after);
  adoptFirstBranch(forge, repository, after);
  const scope = { forge, repository, by: actingAccount(actor), viaApp: actor.kind === 'installation' };
  for (const change of changes) await afterRefChange(scope, change);
}

/** The first branch that is pushed to an empty repository becomes its default when the planned one is missing. */
function adoptFirstBranch(forge: Forge, repository: Repository, refs: Map<string, string>): void {
  const branches = [...refs.keys()].filter((ref) => ref.startsWith('refs/heads/')).map((ref) => ref.slice('refs/heads/'.length));
  const [first] = branches;
  if (first === undefined || branches.includes(repository.defaultBranch)) return;
  repository.defaultBranch = first;
  forge.git(repository).setHead(first);
}

function askForLogin(response: ServerResponse): void {
  response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"', 'content-type': 'text/plain' });
  response.end('Authentication required.\n');
}

function refuse(response: ServerResponse, fault: Fault): void {
  response.writeHead(fault.status, { 'content-type': 'text/plain' });
  response.end(`${fault.message}\n`);
}
