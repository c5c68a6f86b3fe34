import { parentOf, subIssuesOf } from './relations.ts';
import type { Issue, Repository } from '../core/model.ts';
import { renderConversation, renderSidebar } from './conversation.ts';
import type { Piece } from './html.ts';
import { html } from './html.ts';
import type { Page, View } from './layout.ts';
import { renderLabels, repositoryPage, repositoryPath, stateBadge, when } from './layout.ts';

/** Issues or pull requests, open or closed ones. */
export function listPage(view: View, repository: Repository, kind: 'issues' | 'pulls'): Page {
  const state = view.url.searchParams.get('state') === 'closed' ? 'closed' : 'open';
  const base = repositoryPath(repository);
  const all = repository.issues.filter((issue) => (issue.pull !== null) === (kind === 'pulls'));
  const shown = all.filter((issue) => issue.state === state).reverse();
  const rows = shown.map(
    (issue) =>
      html`<li>
        ${stateBadge(issue)}
        <a href="${base}/${kind === 'pulls' ? 'pull' : 'issues'}/${issue.number}"><strong>${issue.title}</strong></a> ${renderLabels(repository, issue)}
        <br /><span class="muted"
          >#${issue.number} opened by ${issue.author} on ${when(issue.createdAt)} ·
          ${repository.comments.filter((comment) => comment.issueNumber === issue.number).length} comments</span
        >
      </li>`,
  );
  const title = kind === 'pulls' ? 'Pull requests' : 'Issues';
  const count = (wanted: string) => all.filter((issue) => issue.state === wanted).length;
  const body = html`<h1>${title}</h1>
    <p>
      ${kind === 'issues' ? html`<a href="${base}/issues/new"><strong>New issue</strong></a> · ` : null} <a href="${base}/${kind}">${count('open')} open</a> ·
      <a href="${base}/${kind}?state=closed">${count('closed')} closed</a>
    </p>
    ${
      rows.length === 0
        ? html`<p class="muted">Nothing here.</p>`
        : html`<ul class="rows box">
            ${rows}
          </ul>`
    }`;
  return repositoryPage(repository, { title, tab: kind, body });
}

export function newIssuePage(view: View, repository: Repository): Page {
  const form =
    view.viewer === null
      ? html`<p>Sign in to open an issue.</p>`
      : html`<form method="post" action="${repositoryPath(repository)}/issues">
          <label for="title">Title</label><input class="wide" id="title" name="title" required maxlength="256" autofocus /> <label for="body">Description</label
          ><textarea id="body" name="body" maxlength="65536" placeholder="Markdown is welcome"></textarea>
          <p><button class="go">Open issue</button></p>
        </form>`;
  return repositoryPage(repository, {
    title: 'New issue',
    tab: 'issues',
    body: html`<h1>New issue</h1>
      ${form}`,
  });
}

export function issuePage(view: View, repository: Repository, issue: Issue): Page {
  const body = html`<h1>${issue.title} <span class="muted">#${issue.number}</span></h1>
    <p>${stateBadge(issue)} <span class="muted">opened by ${issue.author} on ${when(issue.createdAt)}</span></p>
    ${relations(view, issue)}
    <div class="grid">
      <div>${renderConversation(view, repository, issue)}</div>
      ${renderSidebar(view, repository, issue)}
    </div>`;
  return repositoryPage(repository, { title: `${issue.title} · Issue #${issue.number}`, tab: 'issues', body });
}

function relations(view: View, issue: Issue): Piece {
  const parent = parentOf(view.forge.store, issue);
  const parts = subIssuesOf(view.forge.store, issue);
  const link = (found: { repository: Repository; issue: Issue }) =>
    html`<a href="${repositoryPath(found.repository)}/issues/${found.issue.number}">#${found.issue.number} ${found.issue.title}</a>`;
  return html`${parent === undefined ? null : html`<p>Part of ${link(parent)}</p>`}
  ${
    parts.length === 0
      ? null
      : html`<section class="box">
          <div class="head">Sub-issues</div>
          <ul class="rows">
            ${parts.map((part) => html`<li>${stateBadge(part.issue)} ${link(part)}</li>`)}
          </ul>
        </section>`
  }`;
}
