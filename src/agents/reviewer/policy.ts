import { quoteForComment } from '../../domain/quote.ts';
import type { CheckReport } from '../../github/checks.ts';
import type { ReviewComment } from '../../github/pulls.ts';
import { truncateMiddle } from '../../kernel/text.ts';
import { codeBlock } from '../common.ts';
import type { ReviewerResult } from '../results.ts';

export interface ReviewPlan {
  /** Never APPROVE: approval is a person's. */
  event: 'COMMENT' | 'REQUEST_CHANGES';
  body: string;
  comments: ReviewComment[];
}

/** GitHub takes 65,536; disclosure and hidden marker come after it. */
const BODY_CHARS = 60_000;

type Comment = ReviewerResult['comments'][number];

function commentBody(comment: Comment): string {
  const text = quoteForComment(comment.body);
  return comment.suggestion === undefined ? text : `${text}\n\n${codeBlock(comment.suggestion, 'suggestion')}`;
}

const HEADINGS = {
  approve: 'Nothing stands against a merge',
  request_changes: 'Changes are needed before a merge',
  comment: 'Remarks, none of which stands against a merge',
} as const;

/**
 * One review out of the agent's answer. Comments on lines that the diff does not show cannot be placed; they go into the body, so that nothing is lost.
 * GitHub lets nobody request changes on a pull request of their own, so that there it is a comment that says so.
 */
export function planReview(result: ReviewerResult, options: { lines: Map<string, Set<number>>; ownPullRequest: boolean }): ReviewPlan {
  const placed = result.comments.filter((comment) => comment.path !== null && comment.line !== null && options.lines.get(comment.path)?.has(comment.line));
  const others = result.comments.filter((comment) => !placed.includes(comment));
  const body = [
    `**${HEADINGS[result.decision]}**`,
    '',
    quoteForComment(result.summary),
    ...others.map((comment) => `\n${comment.path ? `\`${comment.path}${comment.line ? `:${comment.line}` : ''}\`: ` : ''}${commentBody(comment)}`),
  ].join('\n');
  return {
    event: result.decision === 'request_changes' && !options.ownPullRequest ? 'REQUEST_CHANGES' : 'COMMENT',
    body: truncateMiddle(body, BODY_CHARS),
    comments: placed.map((comment) => ({ path: comment.path ?? '', line: comment.line ?? 1, body: commentBody(comment) })),
  };
}

export function reviewReport(result: ReviewerResult, reviewUrl: string, disclosure: string | null): CheckReport {
  const changes = result.decision === 'request_changes';
  return {
    conclusion: changes ? 'failure' : 'success',
    title: HEADINGS[result.decision],
    summary: `${quoteForComment(result.summary)}\n\n[The review](${reviewUrl})${disclosure ? `\n\n<sub>${disclosure}</sub>` : ''}`,
    annotations: [],
  };
}

/** What the Developer gets to work on. */
export function reviewFeedback(result: ReviewerResult): string {
  const comments = result.comments.map((comment) => {
    const where = comment.path ? `${comment.path}${comment.line ? `:${comment.line}` : ''}: ` : '';
    return `- ${where}${comment.body}${comment.suggestion === undefined ? '' : `\n  Suggested text:\n${comment.suggestion}`}`;
  });
  return [result.summary, ...comments].join('\n');
}
