import { taskEffectKey } from '../../domain/effects.ts';
import type { Intent } from '../../domain/intents.ts';
import type { JsonObject, TicketSnapshot } from '../../domain/model.ts';
import { advance } from '../../domain/phases.ts';
import type { Finish } from '../../engine/role.ts';
import type { TaskSession } from '../../engine/session.ts';
import { untrustedCode } from '../../kernel/text.ts';
import { BaseAgent } from '../base.ts';
import { developerSection, joinSections, planSection } from '../common.ts';
import { PROMPTS } from '../prompts.generated.ts';
import { diffSection, headOfPullRequest, pullNumber, pullRequestSection } from '../pull-request.ts';
import { abandonCheck, completeCheck, startCheck } from '../report-check.ts';
import { qaResult } from '../results.ts';
import type { QaResult } from '../results.ts';
import { describeSuite } from '../suite.ts';
import { checkReport, feedback, proofLine, signatureOf, verdict } from './policy.ts';
import type { QaEvidence } from './policy.ts';
import { gatherEvidence } from './proof.ts';

const QA_CHECK = 'banyan/qa';

function evidenceSection(evidence: QaEvidence): string {
  const { suite, proof } = evidence;
  const runs = [
    `- Suite on the head: ${suite ? describeSuite(suite) : 'there is no test command.'}`,
    `- ${proofLine(evidence)}`,
    ...(suite ? ['', untrustedCode('output of the suite on the head', suite.output)] : []),
    ...(proof.run ? ['', untrustedCode('output of the new tests on the base', proof.run.output)] : []),
  ];
  return `## Evidence (made by code)\n\n${runs.join('\n')}`;
}

/** Proves a pull request: the suite in a clean sandbox, the new tests on the base, and an agent that tries to refute it. */
export class QaAgent extends BaseAgent<QaResult> {
  override readonly role: string = 'qa';
  override readonly resultSchema = qaResult;
  override readonly permissions = ['read', 'run', 'discover'] as const;
  override readonly limits = { maxSteps: 40 };

  protected override rolePrompt(): string {
    return PROMPTS.qa;
  }

  override revision(session: TaskSession): Promise<string> {
    return headOfPullRequest(session);
  }

  override async start(session: TaskSession): Promise<Intent[]> {
    await startCheck(session, QA_CHECK, 'Testing the pull request');
    return [];
  }

  protected override async opening(session: TaskSession): Promise<string> {
    const snapshot = await session.snapshot();
    const { pulls, source } = session.repository;
    const number = pullNumber(snapshot);
    const [pull, files] = await Promise.all([session.pullRequest(number), pulls.files(number)]);
    const evidence = await gatherEvidence(session, files, await source.mergeBase(pull.baseRef, session.state.revision));
    session.state.evidence = evidence;
    return joinSections(planSection(snapshot), pullRequestSection(pull), developerSection(snapshot), evidenceSection(evidence), diffSection(files));
  }

  override abandon(session: TaskSession, reason: string): Promise<void> {
    return abandonCheck(session, QA_CHECK, reason);
  }

  override async finish(session: TaskSession, result: QaResult, snapshot: TicketSnapshot): Promise<Finish> {
    const evidence = session.state.evidence as unknown as QaEvidence;
    const passed = verdict(result, evidence);
    const report = checkReport(result, evidence, session.disclosure);
    await completeCheck(session, QA_CHECK, report);
    const found = feedback(result, evidence);
    const intents: Intent[] = [
      {
        type: 'validation',
        task_id: session.task.id,
        kind: 'qa',
        passed,
        summary: result.summary,
        data: { evidence: session.state.evidence, check: taskEffectKey(session.task.id, 'check') },
      },
      ...advance(session.phaseContext(snapshot), snapshot, {
        task: session.task,
        outcome: passed ? 'passed' : 'failed',
        feedback: { feedback: found },
        tried: `QA still finds the change wanting. Last findings:\n${found.slice(0, 2000)}`,
        ...(passed ? {} : { signature: signatureOf(result, evidence) }),
      }),
    ];
    return { kind: 'complete', output: result as unknown as JsonObject, intents };
  }
}
