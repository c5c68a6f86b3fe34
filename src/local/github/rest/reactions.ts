import { Fault, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { Reaction, Repository } from '../core/model.ts';
import type { Need } from '../core/access.ts';
import { READ_ISSUES, READ_PULLS, REVIEW, TALK } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { created, listReply, noContent, numberParam, ok, repositoryRoute, scopeOf } from '../http/call.ts';
import { oneOf } from '../http/input.ts';
import { renderReaction } from '../render/issues.ts';
import { commentOf } from './comments.ts';
import { issueOf } from './issues.ts';

const CONTENTS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'] as const;

interface Reactable {
  reactions: Reaction[];
}

export const reactionRoutes: Route[] = [
  ...routesFor('/issues/comments/{id}', { read: READ_ISSUES, write: TALK }, commentOf),
  ...routesFor('/issues/{number}', { read: READ_ISSUES, write: TALK }, issueOf),
  ...routesFor('/pulls/comments/{id}', { read: READ_PULLS, write: REVIEW }, reviewCommentOf),
];

function reviewCommentOf(call: Call, repository: Repository): Reactable {
  const id = numberParam(call, 'id');
  const comment = repository.reviewComments.find((candidate) => candidate.id === id);
  if (comment === undefined) throw notFound();
  return comment;
}

function routesFor(path: string, needs: { read: Need; write: Need }, find: (call: Call, repository: Repository) => Reactable): Route[] {
  return [
    repositoryRoute({ method: 'GET', path: `${path}/reactions`, need: needs.read }, (call, repository) => {
      const content = call.query.get('content');
      const shown = find(call, repository).reactions.filter((reaction) => content === null || reaction.content === content);
      return listReply(call, shown, (reaction) => renderReaction(call.forge, reaction));
    }),
    repositoryRoute({ method: 'POST', path: `${path}/reactions`, need: needs.write }, (call, repository) => react(call, repository, find(call, repository))),
    repositoryRoute({ method: 'DELETE', path: `${path}/reactions/{reaction}`, need: needs.write }, (call, repository) =>
      unreact(call, repository, find(call, repository)),
    ),
  ];
}

function react(call: Call, repository: Repository, subject: Reactable): Reply {
  const content = oneOf(call.body, 'content', CONTENTS);
  if (content === undefined) throw new Fault(422, 'Invalid request.\n\n"content" wasn\'t supplied.');
  const user = scopeOf(call, repository).by.login;
  const existing = subject.reactions.find((reaction) => reaction.user === user && reaction.content === content);
  if (existing !== undefined) return ok(renderReaction(call.forge, existing));
  const reaction: Reaction = { id: call.forge.store.nextId(), user, content, createdAt: timestamp() };
  subject.reactions.push(reaction);
  return created(renderReaction(call.forge, reaction));
}

function unreact(call: Call, repository: Repository, subject: Reactable): Reply {
  const id = numberParam(call, 'reaction');
  const reaction = subject.reactions.find((candidate) => candidate.id === id);
  if (reaction === undefined) throw notFound();
  if (reaction.user !== scopeOf(call, repository).by.login) throw new Fault(403, 'You can only delete your own reactions.');
  subject.reactions = subject.reactions.filter((other) => other !== reaction);
  return noContent();
}
