import { actorRole, atLeast } from '../core/access.ts';
import type { Issue, IssueEvent, Reaction, Repository, Review } from '../core/model.ts';
import type { Piece } from './html.ts';
import { Html, html } from './html.ts';
import type { View } from './layout.ts';
import { actionForm, renderLabels, repositoryPath, when } from './layout.ts';
import { renderMarkdown } from './markdown.ts';

/** Pictures of reactions, by code point. */
const PICTURES: Record<string, number> = {
  '+1': 0x1f44d,
  '-1': 0x1f44e,
  laugh: 0x1f604,
  hooray: 0x1f389,
  confused: 0x1f615,
  heart: 0x2764,
  rocket: 0x1f680,
  eyes: 0x1f440,
};

interface Moment {
  at: string;
  id: number;
  piece: Piece;
}

function mayTriage(view: View, repository: Repository): boolean {
  return view.viewer !== null && atLeast(actorRole(view.forge.store, repository, { kind: 'user', account: view.viewer }), 'triage');
}

export function mayWrite(view: View, repository: Repository): boolean {
  return view.viewer !== null && atLeast(actorRole(view.forge.store, repository, { kind: 'user', account: view.viewer }), 'write');
}

function renderReactionRow(view: View, reactions: Reaction[], action: string): Piece {
  const contents = Object.keys(PICTURES).filter((content) => view.viewer !== null || reactions.some((reaction) => reaction.content === content));
  return html`<div class="body">
    ${contents.map((content) => {
      const count = reactions.filter((reaction) => reaction.content === content).length;
      const face = html`<span role="img" aria-label="${content}">${new Html(`&#${PICTURES[content] ?? 63};`)}</span>`;
      const chip = html`${face} ${count === 0 ? '' : count}`;
      if (view.viewer === null) return html`<span class="label">${chip}</span>`;
      return html`<form class="inline" method="post" action="${action}">
        <input type="hidden" name="content" value="${content}" /><button title="${content}">${chip}</button>
      </form>`;
    })}
  </div>`;
}

function commentBox(repository: Repository, fields: { id: string; author: string; at: string; body: string; extra?: Piece; reactions?: Piece }): Html {
  const text = fields.body.trim() === '' ? html`<p class="muted">No description.</p>` : renderMarkdown(fields.body, repositoryPath(repository));
  return html`<article class="box" id="${fields.id}">
    <div class="head"><strong>${fields.author}</strong> <span class="muted">${when(fields.at)}</span>${fields.extra}</div>
    <div class="body">${text}</div>
    ${fields.reactions}
  </article>`;
}

/** Description, comments, reviews and events in order, then the comment box. */
export function renderConversation(view: View, repository: Repository, issue: Issue): Piece {
  const path = `${repositoryPath(repository)}/issues/${issue.number}`;
  const opening = commentBox(repository, {
    id: 'description',
    author: issue.author,
    at: issue.createdAt,
    body: issue.body ?? '',
    reactions: renderReactionRow(view, issue.reactions, `${path}/react`),
  });
  const comments: Moment[] = repository.comments
    .filter((comment) => comment.issueNumber === issue.number)
    .map((comment) => ({
      at: comment.createdAt,
      id: comment.id,
      piece: commentBox(repository, {
        id: `issuecomment-${comment.id}`,
        author: comment.author,
        at: comment.createdAt,
        body: comment.body,
        extra: comment.updatedAt === comment.createdAt ? null : html`<span class="muted">edited ${when(comment.updatedAt)}</span>`,
        reactions: renderReactionRow(view, comment.reactions, `${path}/comments/${comment.id}/react`),
      }),
    }));
  const reviews: Moment[] = repository.reviews
    .filter((review) => review.pullNumber === issue.number && review.submittedAt !== null)
    .flatMap((review) => reviewMoment(repository, review));
  const events: Moment[] = repository.events
    .filter((event) => event.issueNumber === issue.number)
    .map((event) => ({ at: event.createdAt, id: event.id, piece: renderEvent(repository, event) }));
  const all = [...comments, ...reviews, ...events].sort((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1));
  return html`${opening}${all.map((moment) => moment.piece)}${commentForm(view, repository, issue)}`;
}

function reviewMoment(repository: Repository, review: Review): Moment[] {
  const count = repository.reviewComments.filter((comment) => comment.reviewId === review.id).length;
  const verdict = review.state.toLowerCase().replace('_', ' ');
  const link =
    count === 0
      ? null
      : html`<a href="${repositoryPath(repository)}/pull/${review.pullNumber}/files">${count} comment${count === 1 ? '' : 's'} on the diff</a>`;
  if (review.body === '' && count === 0 && review.state === 'COMMENTED') return [];
  const piece = commentBox(repository, {
    id: `pullrequestreview-${review.id}`,
    author: review.author,
    at: review.submittedAt ?? review.updatedAt,
    body: review.body === '' ? `_Review: ${verdict}._` : review.body,
    extra: html`<span class="label">${verdict}</span>${link}`,
  });
  return [{ at: review.submittedAt ?? review.updatedAt, id: review.id, piece }];
}

function renderEvent(repository: Repository, event: IssueEvent): Piece {
  const { label, assignee, rename, requested_reviewer: reviewer } = event.details as Record<string, Record<string, string> | undefined>;
  const details: Record<string, Piece> = {
    labeled: html`added the label <strong>${label?.name}</strong>`,
    unlabeled: html`removed the label <strong>${label?.name}</strong>`,
    assigned: html`assigned <strong>${assignee?.login}</strong>`,
    unassigned: html`unassigned <strong>${assignee?.login}</strong>`,
    renamed: html`changed the title from <del>${rename?.from}</del> to <strong>${rename?.to}</strong>`,
    review_requested: html`asked <strong>${reviewer?.login}</strong> for a review`,
    closed: html`closed this`,
    reopened: html`reopened this`,
    merged: html`merged this`,
    ready_for_review: html`marked this as ready for review`,
    convert_to_draft: html`put this back into draft`,
  };
  const commit =
    event.commitSha === null
      ? null
      : html` in <a href="${repositoryPath(repository)}/commit/${event.commitSha}"><code>${event.commitSha.slice(0, 7)}</code></a>`;
  return html`<p class="event">${event.actor} ${details[event.event] ?? event.event.replaceAll('_', ' ')}${commit} · ${when(event.createdAt)}</p>`;
}

function commentForm(view: View, repository: Repository, issue: Issue): Piece {
  if (view.viewer === null) return html`<p class="muted">Sign in to comment.</p>`;
  const path = `${repositoryPath(repository)}/issues/${issue.number}`;
  const own = mayTriage(view, repository) || issue.author === view.viewer.login;
  const merged = issue.pull !== null && issue.pull.mergedAt !== null;
  const toggle =
    own && !merged
      ? actionForm(`${path}/state`, { fields: { state: issue.state === 'open' ? 'closed' : 'open' }, button: issue.state === 'open' ? 'Close' : 'Reopen' })
      : null;
  return html`<h2>Add a comment</h2>
    <form method="post" action="${path}/comment">
      <label for="body" class="skip">Comment</label><textarea id="body" name="body" required maxlength="65536" placeholder="Markdown is welcome"></textarea>
      <p><button class="go">Comment</button></p>
    </form>
    ${toggle}`;
}

/** Labels and assignees beside the conversation. */
export function renderSidebar(view: View, repository: Repository, issue: Issue): Piece {
  const path = `${repositoryPath(repository)}/issues/${issue.number}`;
  const triage = mayTriage(view, repository);
  const on = repository.labels.filter((label) => issue.labelIds.includes(label.id));
  const off = repository.labels.filter((label) => !issue.labelIds.includes(label.id));
  const controls = html`${on.map((label) => actionForm(`${path}/unlabel`, { fields: { name: label.name }, button: `Remove ${label.name}` }))}
    <form method="post" action="${path}/label">
      <label for="label">Add a label</label><input id="label" name="name" list="labels" required maxlength="50" /><datalist id="labels">
        ${off.map((label) => html`<option value="${label.name}"></option>`)}
      </datalist>
      <button>Add</button>
    </form>`;
  return html`<aside>
    <h2>Labels</h2>
    <p>${on.length === 0 ? html`<span class="muted">None yet</span>` : renderLabels(repository, issue)}</p>
    ${triage ? controls : null}
    <h2>Assignees</h2>
    <p>${issue.assignees.length === 0 ? html`<span class="muted">Nobody</span>` : issue.assignees.join(', ')}</p>
  </aside>`;
}
