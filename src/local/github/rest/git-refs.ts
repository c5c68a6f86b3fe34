import { moveRef, renderRef } from '../actions/refs.ts';
import { Fault, notFound } from '../core/fault.ts';
import type { Repository } from '../core/model.ts';
import { READ_CONTENTS, WRITE_CONTENTS } from '../core/needs.ts';
import { isAncestor } from '../git/history.ts';
import { isSha } from '../git/objects.ts';
import { isValidRef } from '../git/refs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { optionalBoolean, requiredText } from '../http/input.ts';

export const refRoutes: Route[] = [
  repositoryRoute({ method: 'GET', path: '/git/ref/{ref+}', need: READ_CONTENTS }, read),
  repositoryRoute({ method: 'GET', path: '/git/refs', need: READ_CONTENTS }, (call, repository) => matching(call, repository, 'refs/')),
  repositoryRoute({ method: 'GET', path: '/git/refs/{ref+}', need: READ_CONTENTS }, read),
  repositoryRoute({ method: 'GET', path: '/git/matching-refs', need: READ_CONTENTS }, (call, repository) => matching(call, repository, 'refs/')),
  repositoryRoute({ method: 'GET', path: '/git/matching-refs/{ref+}', need: READ_CONTENTS }, (call, repository) =>
    matching(call, repository, `refs/${param(call, 'ref')}`),
  ),
  repositoryRoute({ method: 'POST', path: '/git/refs', need: WRITE_CONTENTS }, create),
  repositoryRoute({ method: 'PATCH', path: '/git/refs/{ref+}', need: WRITE_CONTENTS }, update),
  repositoryRoute({ method: 'DELETE', path: '/git/refs/{ref+}', need: WRITE_CONTENTS }, remove),
];

/** GitHub answers ref calls on a repository without commits in its own way. */
function requireCommits(call: Call, repository: Repository): void {
  if (call.forge.git(repository).refs.list().size === 0) throw new Fault(409, 'Git Repository is empty.');
}

function fullRef(call: Call): string {
  return `refs/${param(call, 'ref').replace(/^refs\//, '')}`;
}

function read(call: Call, repository: Repository): Reply {
  requireCommits(call, repository);
  const ref = fullRef(call);
  const sha = call.forge.git(repository).refs.read(ref);
  if (sha === undefined) throw notFound();
  return ok(renderRef(call.forge, repository, { ref, sha }));
}

function matching(call: Call, repository: Repository, prefix: string): Reply {
  requireCommits(call, repository);
  const refs = [...call.forge.git(repository).refs.list(prefix)];
  return listReply(call, refs, ([ref, sha]) => renderRef(call.forge, repository, { ref, sha }));
}

function targetSha(call: Call, repository: Repository, ref: string): string {
  const sha = requiredText(call.body, 'sha', 'Reference');
  const object = isSha(sha) ? call.forge.git(repository).objects.read(sha) : undefined;
  if (object === undefined) throw new Fault(422, 'Object does not exist');
  if (ref.startsWith('refs/heads/') && object.type !== 'commit') throw new Fault(422, 'Object is not a commit');
  return sha;
}

async function create(call: Call, repository: Repository): Promise<Reply> {
  const ref = requiredText(call.body, 'ref', 'Reference');
  if (!isValidRef(ref)) throw new Fault(422, `Reference name '${ref.slice(0, 100)}' is not valid: it must start with 'refs' and have at least two slashes.`);
  if (ref.startsWith('refs/pull/')) throw new Fault(422, 'Reference cannot be created: refs/pull is read only');
  requireCommits(call, repository);
  const sha = targetSha(call, repository, ref);
  await call.forge.exclusive(repository, async () => {
    if (call.forge.git(repository).refs.read(ref) !== undefined) throw new Fault(422, 'Reference already exists');
    await moveRef(scopeOf(call, repository), ref, sha);
  });
  return created(renderRef(call.forge, repository, { ref, sha }));
}

async function update(call: Call, repository: Repository): Promise<Reply> {
  const ref = fullRef(call);
  if (!isValidRef(ref) || ref.startsWith('refs/pull/')) throw new Fault(422, 'Reference does not exist');
  const sha = targetSha(call, repository, ref);
  const force = optionalBoolean(call.body, 'force') ?? false;
  const git = call.forge.git(repository);
  await call.forge.exclusive(repository, async () => {
    const before = git.refs.read(ref);
    if (before === undefined) throw new Fault(422, 'Reference does not exist');
    if (!force && !isAncestor(git, before, sha)) throw new Fault(422, 'Update is not a fast forward');
    await moveRef(scopeOf(call, repository), ref, sha);
  });
  return ok(renderRef(call.forge, repository, { ref, sha }));
}

async function remove(call: Call, repository: Repository): Promise<Reply> {
  const ref = fullRef(call);
  await call.forge.exclusive(repository, async () => {
    if (ref.startsWith('refs/pull/') || call.forge.git(repository).refs.read(ref) === undefined) throw new Fault(422, 'Reference does not exist');
    if (ref === `refs/heads/${repository.defaultBranch}`) throw new Fault(422, 'Cannot delete the default branch');
    await moveRef(scopeOf(call, repository), ref, null);
  });
  return noContent();
}
