import type { CheckRun, Repository, ReviewComment } from '../core/model.ts';
import type { DiffLine } from '../git/diff-lines.ts';
import { latestCheckRuns, latestStatuses } from '../render/checks.ts';
import type { PullIssue } from '../render/pulls.ts';
import { pullCommits, pullFiles, tryMerge } from '../render/pulls.ts';
import { commitRow } from './code.ts';
import { mayWrite, renderConversation, renderSidebar } from './conversation.ts';
import { renderDiff } from './diff.ts';
import type { Piece } from './html.ts';
import { html } from './html.ts';
import type { Page, View } from './layout.ts';
import { actionForm, repositoryPage, repositoryPath, stateBadge, when } from './layout.ts';
import { renderMarkdown } from './markdown.ts';

export type PullTab = 'conversation' | 'commits' | 'checks' | 'files';

export async function pullPage(view: View, repository: Repository, { issue, tab }: { issue: PullIssue; tab: PullTab }): Promise<Page> {
  const path = `${repositoryPath(repository)}/pull/${issue.number}`;
  const files = await pullFiles(view.forge, repository, issue);
  const commits = pullCommits(view.forge, repository, issue);
  const tabs: [PullTab, string, string][] = [
    ['conversation', path, 'Conversation'],
    ['commits', `${path}/commits`, `Commits (${commits.length})`],
    ['checks', `${path}/checks`, `Checks (${latestCheckRuns(repository, issue.pull.headSha).length})`],
    ['files', `${path}/files`, `Files changed (${files.length})`],
  ];
  const contents: Record<PullTab, () => Piece> = {
    conversation: () =>
      html`<div class="grid">
        <div>${renderConversation(view, repository, issue)}${mergeBox(view, repository, issue)}</div>
        ${renderSidebar(view, repository, issue)}
      </div>`,
    commits: () =>
      html`<ul class="rows box">
        ${commits.map((sha) => commitRow(view, repository, sha))}
      </ul>`,
    checks: () => renderChecks(repository, issue.pull.headSha),
    files: () => html`${renderDiff(files, (file, line) => threadsAt(view, repository, { issue, file, line }))}${reviewForm(view, repository, issue)}`,
  };
  const body = html`<h1>${issue.title} <span class="muted">#${issue.number}</span></h1>
    <p>
      ${stateBadge(issue)} <span class="muted">${issue.author} wants to merge <code>${issue.pull.headRef}</code> into <code>${issue.pull.baseRef}</code></span>
    </p>
    <nav class="tabs" aria-label="Pull request">
      ${tabs.map(([name, href, text]) => html`<a href="${href}" ${name === tab ? html`aria-current="page"` : null}>${text}</a>`)}
    </nav>
    ${contents[tab]()}`;
  return repositoryPage(repository, { title: `${issue.title} · Pull request #${issue.number}`, tab: 'pulls', body });
}

function mergeBox(view: View, repository: Repository, issue: PullIssue): Piece {
  const path = `${repositoryPath(repository)}/pull/${issue.number}`;
  const checks = html`<h2>Checks</h2>
    ${renderCheckList(repository, issue)}`;
  if (issue.pull.mergedAt !== null) {
    const exists = view.forge.git(repository).branch(issue.pull.headRef) !== undefined && issue.pull.headRef !== repository.defaultBranch;
    return html`${checks}
      <p>
        Merged on ${when(issue.pull.mergedAt)}.
        ${exists && mayWrite(view, repository) ? actionForm(`${path}/delete-branch`, { button: `Delete branch ${issue.pull.headRef}` }) : null}
      </p>`;
  }
  if (issue.state === 'closed') return checks;
  const conflicts = tryMerge(view.forge, repository, issue.pull);
  const own = view.viewer?.login === issue.author;
  if (!mayWrite(view, repository) && !own) return checks;
  if (issue.pull.draft)
    return html`${checks}
      <p>This is a draft. ${actionForm(`${path}/ready`, { button: 'Ready for review', go: true })}</p>`;
  if ('conflicts' in conflicts)
    return html`${checks}
      <p class="error">This branch has conflicts with <code>${issue.pull.baseRef}</code>: ${conflicts.conflicts.join(', ')}</p>`;
  return html`${checks}
    <form class="inline" method="post" action="${path}/merge">
      <label for="method" class="skip">Method</label>
      <select id="method" name="merge_method">
        <option value="merge">Merge commit</option>
        <option value="squash">Squash</option>
        <option value="rebase">Rebase</option></select
      ><button class="go">Merge pull request</button>
    </form>
    ${actionForm(`${path}/draft`, { button: 'Convert to draft' })}`;
}

function outcomeBadge(run: CheckRun): Piece {
  const outcome = run.conclusion ?? run.status;
  const kind = outcome === 'success' || outcome === 'neutral' || outcome === 'skipped' ? '' : run.conclusion === null ? 'pending' : 'failure';
  return html`<span class="state ${kind}">${outcome.replaceAll('_', ' ')}</span>`;
}

function renderCheckList(repository: Repository, issue: PullIssue): Piece {
  const runs = latestCheckRuns(repository, issue.pull.headSha);
  const statuses = latestStatuses(repository, issue.pull.headSha);
  if (runs.length + statuses.length === 0) return html`<p class="muted">No checks yet.</p>`;
  const path = `${repositoryPath(repository)}/pull/${issue.number}/checks`;
  return html`<ul class="rows box">
    ${runs.map((run) => html`<li>${outcomeBadge(run)} <a href="${path}#check-${run.id}">${run.name}</a> <span class="muted">${run.title}</span></li>`)}
    ${statuses.map((status) => html`<li><span class="state ${status.state === 'success' ? '' : status.state}">${status.state}</span> ${status.context} <span class="muted">${status.description}</span></li>`)}
  </ul>`;
}

export function renderChecks(repository: Repository, sha: string): Piece {
  const runs = latestCheckRuns(repository, sha);
  if (runs.length === 0) return html`<p class="muted">No checks yet.</p>`;
  const base = repositoryPath(repository);
  return runs.map(
    (run) =>
      html`<section class="box" id="check-${run.id}">
        <div class="head">${outcomeBadge(run)} <strong>${run.name}</strong> <span class="muted">${run.title}</span></div>
        <div class="body">
          ${renderMarkdown(run.summary ?? '', base)}${run.text === null ? null : renderMarkdown(run.text, base)}
          ${
            run.annotations.length === 0
              ? null
              : html`<h2>Annotations</h2>
                  <ul>
                    ${run.annotations.map((note) => html`<li><strong>${String(note.annotation_level)}</strong> <code>${String(note.path)}:${String(note.start_line)}</code> ${String(note.message)}</li>`)}
                  </ul>`
          }
        </div>
      </section>`,
  );
}

function threadsAt(view: View, repository: Repository, { issue, file, line }: { issue: PullIssue; file: string; line: DiffLine }): Piece {
  const roots = repository.reviewComments.filter(
    (comment) => comment.pullNumber === issue.number && comment.path === file && comment.inReplyTo === null && standsAt(comment, line),
  );
  const visible = roots.filter((comment) => repository.reviews.find((review) => review.id === comment.reviewId)?.state !== 'PENDING');
  if (visible.length === 0) return null;
  return visible.map((root) => renderThread(view, repository, { issue, root }));
}

function standsAt(comment: ReviewComment, line: DiffLine): boolean {
  const number = comment.side === 'LEFT' ? line.left : line.right;
  return comment.line !== null && number === comment.line;
}

function renderThread(view: View, repository: Repository, { issue, root }: { issue: PullIssue; root: ReviewComment }): Piece {
  const thread = repository.reviewComments.filter((comment) => comment === root || comment.inReplyTo === root.id);
  const base = repositoryPath(repository);
  const reply =
    view.viewer === null
      ? null
      : html`<form method="post" action="${base}/pull/${issue.number}/comments/${root.id}/reply">
          <label for="reply-${root.id}">Reply</label><input class="wide" id="reply-${root.id}" name="body" required /> <button>Reply</button>
        </form>`;
  return html`<div class="box">
    <div class="head">${root.resolvedBy === null ? null : html`<span class="label">resolved</span>`}<span class="muted">${root.path}:${root.line}</span></div>
    ${thread.map((comment) => html`<article class="body" id="discussion_r${comment.id}"><strong>${comment.author}</strong> <span class="muted">${when(comment.createdAt)}</span>${renderMarkdown(comment.body, base)}</article>`)}
    <div class="body">${reply}</div>
  </div>`;
}

function reviewForm(view: View, repository: Repository, issue: PullIssue): Piece {
  if (view.viewer === null || issue.state === 'closed') return null;
  const own = view.viewer.login === issue.author;
  const verdicts = own
    ? null
    : html`<option value="APPROVE">Approve</option>
        <option value="REQUEST_CHANGES">Request changes</option>`;
  return html`<h2>Your review</h2>
    <form method="post" action="${repositoryPath(repository)}/pull/${issue.number}/review">
      <label for="review">Summary</label><textarea id="review" name="body"></textarea>
      <label for="path">Line comment (optional): file and line of the new version</label><input id="path" name="path" placeholder="src/file.js" />
      <input name="line" type="number" min="1" aria-label="Line" /> <label for="line-body" class="skip">Line comment</label
      ><input class="wide" id="line-body" name="line_body" placeholder="Comment on that line" />
      <p>
        <select name="event" aria-label="Verdict">
          <option value="COMMENT">Comment</option>
          ${verdicts}
        </select>
        <button class="go">Submit review</button>
      </p>
    </form>`;
}
