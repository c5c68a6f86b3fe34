import { taskEffectKey } from '../../domain/effects.ts';
import type { Intent } from '../../domain/intents.ts';
import { marker } from '../../domain/markers.ts';
import type { JsonObject, TicketSnapshot } from '../../domain/model.ts';
import { advance } from '../../domain/phases.ts';
import { findingsSignature } from '../../domain/signature.ts';
import type { Finish } from '../../engine/role.ts';
import type { TaskSession } from '../../engine/session.ts';
import { redactSecrets } from '../../kernel/redact.ts';
import { untrustedBlock } from '../../kernel/text.ts';
import { BaseAgent } from '../base.ts';
import { answersSection, developerSection, joinSections, outgoing, planSection } from '../common.ts';
import { PROMPTS } from '../prompts.generated.ts';
import { commentableLines, diffSection, headOfPullRequest, pullNumber, pullRequestSection } from '../pull-request.ts';
import { abandonCheck, completeCheck, startCheck } from '../report-check.ts';
import { reviewerResult } from '../results.ts';
import type { ReviewerResult } from '../results.ts';
import { planReview, reviewFeedback, reviewReport } from './policy.ts';

const REVIEW_CHECK = 'banyan/review';

type Posted = { id: number; url: string };

async function postReview(session: TaskSession, number: number, result: ReviewerResult): Promise<Posted> {
  const { pulls } = session.repository;
  const hidden = marker('review', session.task.id);
  return session.ledger.once<Posted>({
    key: taskEffectKey(session.task.id, 'review'),
    kind: 'review',
    payload: { pull_number: number, decision: result.decision },
    find: () => pulls.findReview(number, session.login, hidden),
    async perform() {
      const [pull, files] = await Promise.all([pulls.get(number), pulls.files(number)]);
      const plan = planReview(result, { lines: commentableLines(files), ownPullRequest: pull.author === session.login });
      const comments = plan.comments.map((comment) => ({ ...comment, body: redactSecrets(comment.body) }));
      const { id, url } = await pulls.review(number, {
        sha: session.state.revision,
        event: plan.event,
        body: `${outgoing(session, plan.body)}\n\n${hidden}`,
        comments,
      });
      return { id, url };
    },
  });
}

/** Reads a pull request as a maintainer would, and posts one review. */
export class ReviewerAgent extends BaseAgent<ReviewerResult> {
  override readonly role: string = 'reviewer';
  override readonly resultSchema = reviewerResult;
  override readonly permissions = ['read', 'discover'] as const;
  override readonly limits = { maxSteps: 40 };

  protected override rolePrompt(): string {
    return PROMPTS.reviewer;
  }

  override revision(session: TaskSession): Promise<string> {
    return headOfPullRequest(session);
  }

  override async start(session: TaskSession): Promise<Intent[]> {
    await startCheck(session, REVIEW_CHECK, 'Reading the change');
    return [];
  }

  protected override async opening(session: TaskSession): Promise<string> {
    const snapshot = await session.snapshot();
    const { pulls } = session.repository;
    const number = pullNumber(snapshot);
    const [pull, files] = await Promise.all([session.pullRequest(number), pulls.files(number)]);
    const qa = snapshot.tasks.findLast((task) => task.phase === 'qa' && task.state === 'completed')?.output;
    const verdict = typeof qa?.['summary'] === 'string' ? `## What QA says\n\n${untrustedBlock('summary of QA', qa['summary'])}` : '';
    return joinSections(planSection(snapshot), answersSection(snapshot), pullRequestSection(pull), developerSection(snapshot), verdict, diffSection(files));
  }

  override abandon(session: TaskSession, reason: string): Promise<void> {
    return abandonCheck(session, REVIEW_CHECK, reason);
  }

  override async finish(session: TaskSession, result: ReviewerResult, snapshot: TicketSnapshot): Promise<Finish> {
    const review = await postReview(session, pullNumber(snapshot), result);
    await completeCheck(session, REVIEW_CHECK, reviewReport(result, review.url, session.disclosure));
    const changes = result.decision === 'request_changes';
    const asked = reviewFeedback(result);
    const intents: Intent[] = [
      {
        type: 'validation',
        task_id: session.task.id,
        kind: 'review',
        passed: !changes,
        summary: result.summary,
        data: { review_id: review.id, url: review.url },
      },
      ...advance(session.phaseContext(snapshot), snapshot, {
        task: session.task,
        outcome: changes ? 'changes' : 'approved',
        feedback: { feedback: asked },
        tried: `The Reviewer still asks for changes. Last review:\n${asked.slice(0, 2000)}`,
        ...(changes ? { signature: findingsSignature(result.comments.map(({ path, body }) => ({ path, body }))) } : {}),
      }),
    ];
    return { kind: 'complete', output: result as unknown as JsonObject, intents };
  }
}
