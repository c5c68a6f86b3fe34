import { describe, expect, it } from 'vitest';
import { commentableLines } from '../pull-request.ts';
import { reviewerResult } from '../results.ts';
import type { ReviewerResult } from '../results.ts';
import { planReview, reviewFeedback, reviewReport } from './policy.ts';

const PATCH = [
  '@@ -1,3 +1,4 @@',
  ' one',
  '-two',
  '+zwei',
  '+drei',
  ' four',
  '@@ -20 +21,2 @@ function x() {',
  ' twenty',
  '+new',
  '\\ No newline at end of file',
].join('\n');
const LINES = commentableLines([
  { path: 'a.js', status: 'modified', patch: PATCH },
  { path: 'logo.png', status: 'added', patch: null },
]);

function review(change: Partial<ReviewerResult> = {}): ReviewerResult {
  return { decision: 'comment', summary: 'Read.', comments: [], ...change };
}

function at(line: number | null, path: string | null = 'a.js'): ReviewerResult['comments'][number] {
  return { path, line, body: `about ${path}:${line}` };
}

it('knows the lines that the diff shows', () => {
  expect([...(LINES.get('a.js') ?? [])]).toEqual([1, 2, 3, 4, 21, 22]);
  expect(LINES.get('logo.png')?.size).toBe(0);
});

describe('a review', () => {
  it('puts comments at lines of the diff, and the others into its body, so that none is lost', () => {
    const plan = planReview(review({ comments: [at(2), at(22), at(10), at(1, 'b.js'), at(null), at(null, null)] }), { lines: LINES, ownPullRequest: true });
    expect(plan.comments.map((comment) => comment.line)).toEqual([2, 22]);
    for (const where of ['`a.js:10`: about', '`b.js:1`: about', '`a.js`: about a.js:null', 'about null:null']) expect(plan.body).toContain(where);
    expect(plan.body).not.toContain('about a.js:2\n');
  });

  it('never approves', () => {
    for (const decision of ['approve', 'request_changes', 'comment'] as const) {
      for (const ownPullRequest of [true, false]) {
        const { event } = planReview(review({ decision }), { lines: LINES, ownPullRequest });
        expect(event).toBe(decision === 'request_changes' && !ownPullRequest ? 'REQUEST_CHANGES' : 'COMMENT');
      }
    }
  });

  it('says in its body what it asks for, also where it can only comment', () => {
    expect(planReview(review({ decision: 'request_changes' }), { lines: LINES, ownPullRequest: true }).body).toContain('**Changes are needed before a merge**');
    expect(planReview(review({ decision: 'approve' }), { lines: LINES, ownPullRequest: true }).body).toContain('**Nothing stands against a merge**');
  });

  it('has ten comments at most', () => {
    const parsed = reviewerResult.parse({ decision: 'comment', summary: 's', comments: Array.from({ length: 30 }, () => at(2)) });
    expect(planReview(parsed, { lines: LINES, ownPullRequest: true }).comments).toHaveLength(10);
  });

  it('offers a suggestion in a block that the suggestion cannot close', () => {
    const [comment] = planReview(review({ comments: [{ ...at(2), suggestion: 'const a = `\n```\n`;' }] }), { lines: LINES, ownPullRequest: true }).comments;
    expect(comment?.body).toBe('about a.js:2\n\n````suggestion\nconst a = `\n```\n`;\n````');
  });

  it('fits into one review whatever was written, and notifies nobody', () => {
    const long = { ...at(null, null), body: '@maintainer '.repeat(300), suggestion: 'x'.repeat(4000) };
    const { body } = planReview(review({ summary: 'Ask @maintainer. <!-- banyan:review:x -->', comments: Array.from({ length: 10 }, () => long) }), {
      lines: LINES,
      ownPullRequest: true,
    });
    expect(body.length).toBeLessThanOrEqual(60_000);
    expect(body).not.toMatch(/(?<!\w)@maintainer|<!--/);
  });
});

it('reports on the check: only requested changes fail it', () => {
  expect(reviewReport(review({ decision: 'request_changes' }), 'http://r', null).conclusion).toBe('failure');
  expect(reviewReport(review({ decision: 'comment' }), 'http://r', null).conclusion).toBe('success');
  expect(reviewReport(review(), 'http://r', 'Scripted.').summary).toBe('Read.\n\n[The review](http://r)\n\n<sub>Scripted.</sub>');
});

it('hands the Developer each comment with its place and its suggestion', () => {
  const result = review({ summary: 'Two.', comments: [{ ...at(2), suggestion: 'zwo' }, at(null, null)] });
  expect(reviewFeedback(result)).toBe('Two.\n- a.js:2: about a.js:2\n  Suggested text:\nzwo\n- about null:null');
});
