import { untrustedBlock, untrustedCode } from '../../kernel/text.ts';
import { BanyanError } from '../../kernel/errors.ts';
import { refreshStatus, showState } from '../../domain/effects.ts';
import { advance, giveUp } from '../../domain/phases.ts';
import type { Intent } from '../../domain/intents.ts';
import type { JsonObject, TicketSnapshot } from '../../domain/model.ts';
import type { Finish, Salvage } from '../../engine/role.ts';
import type { TaskSession } from '../../engine/session.ts';
import { BaseAgent } from '../base.ts';
import { answersSection, issueSection, joinSections, overviewSection, planSection, threadSection } from '../common.ts';
import { PROMPTS } from '../prompts.generated.ts';
import { developerResult } from '../results.ts';
import type { DeveloperResult } from '../results.ts';
import { describeSuite, runSuite, standsUp } from '../suite.ts';
import type { SuiteRun } from '../suite.ts';
import { filesWithConflicts, requireBase } from '../update-base.ts';
import { branchName, filesWithSecrets } from './policy.ts';
import { changesDigest, commitWork, hasEarlierWork, openPullNumber, publish } from './publish.ts';

/** What the phase before handed back: findings of QA, comments of the Reviewer, or a person's hint on a retry. */
function feedbackSection(input: JsonObject): string {
  const { from, feedback, tried, instruction } = input;
  const parts: string[] = [];
  if (typeof feedback === 'string') parts.push(`## What ${from === 'qa' ? 'QA found' : 'the Reviewer asked for'}\n\n${untrustedBlock('findings', feedback)}`);
  if (typeof tried === 'string') parts.push(`## Why work stopped before\n\n${untrustedBlock('earlier outcome', tried)}`);
  if (typeof instruction === 'string') parts.push(`## A maintainer's hint\n\n${untrustedBlock('hint of a maintainer', instruction)}`);
  return parts.join('\n\n');
}

function branchSection({ ticket, code }: TicketSnapshot): string {
  const { base_branch: base } = ticket;
  const update = base
    ? `You work on the update of a template: your change is merged into its branch \`${base}\`, not into the default one. Files of it hold conflicts between marker lines (\`<<<<<<< your child\`, \`||||||| template v...\`, \`=======\`, \`>>>>>>> template v...\`): resolve each one, and leave none of these lines. Leave those in files that you may not change: people resolve them. Change nothing else.`
    : '';
  if (!code?.pr_number) return update;
  const branch = `You work on the existing branch \`${code.branch}\` of pull request #${code.pr_number}; the files you see are those of its head. Your change is added to it as one commit.`;
  return joinSections(update, branch);
}

/** Writes code and tests in a workspace, and hands them over as a pull request. */
export class DeveloperAgent extends BaseAgent<DeveloperResult> {
  override readonly role: string = 'developer';
  override readonly resultSchema = developerResult;
  override readonly permissions = ['read', 'write', 'run', 'discover', 'ask'] as const;
  override readonly limits = { maxSteps: 80 };

  protected override rolePrompt(): string {
    return PROMPTS.developer;
  }

  protected override async opening(session: TaskSession): Promise<string> {
    const snapshot = await session.snapshot();
    return joinSections(
      planSection(snapshot),
      answersSection(snapshot),
      issueSection(session),
      await threadSection(session),
      feedbackSection(session.task.input),
      branchSection(snapshot),
      await overviewSection(session),
    );
  }

  /** The branch as it is, people's commits included; the one that the work is made for where there is none yet. */
  override async revision(session: TaskSession): Promise<string> {
    const { code } = await session.snapshot();
    const { source } = session.repository;
    const branch = code?.branch ?? branchName(session.ticket);
    const begun = await source.head(branch);
    await requireBase(session, begun ?? session.base);
    return begun ?? super.revision(session);
  }

  override async start(session: TaskSession): Promise<Intent[]> {
    if (session.ticket.state === 'in_progress' && session.task.attempts > 1) return [];
    return [
      { type: 'set_ticket', state: 'in_progress', waiting_for: null, waiting_on: null },
      showState(session.at, session.task.id, 'in_progress'),
      refreshStatus(session.at),
    ];
  }

  /** Gates in code: something was changed, no secret is in it, and the suite was seen. A failing suite is sent back once; QA has the last word. */
  override async check(session: TaskSession, _result: DeveloperResult, attempt: number): Promise<string | null> {
    const workspace = await session.workspace();
    const changes = workspace.changes();
    if (changes.length === 0)
      return attempt < 1
        ? 'You changed no file. Make the change with write_file or edit_file, then hand in; if nothing is to be changed, hand in and say in summary why.'
        : null;
    const leaking = filesWithSecrets(changes);
    if (leaking.length > 0) {
      if (attempt < 3)
        return `These files hold what looks like a credential: ${leaking.join(', ')}. Take it out; use an obviously fake value or the environment.`;
      throw new BanyanError('secret_found', `the change still holds what looks like a credential (${leaking.join(', ')})`, { retry: 'needs_human' });
    }
    const conflicts = session.ticket.base_branch ? filesWithConflicts(workspace) : [];
    if (conflicts.length > 0) {
      if (attempt < 3) return `Conflicts of the update are left in: ${conflicts.join(', ')}. Resolve each one, and remove its marker lines.`;
      throw new BanyanError('conflict', `conflicts of the update are left in ${conflicts.join(', ')}`, { retry: 'needs_human' });
    }
    const suite = await runSuite(session, workspace);
    session.state.evidence = { suite };
    if (!suite || standsUp(suite) || attempt >= 1) return null;
    return `The change is not accepted yet: ${describeSuite(suite)}.\n\n${untrustedCode('output of the suite', suite.output)}\n\nCorrect it and hand in again. If the failure is not yours, hand in again and say in pr_body why.`;
  }

  override async finish(session: TaskSession, result: DeveloperResult, snapshot: TicketSnapshot): Promise<Finish> {
    const changes = (await session.workspace()).changes();
    const output = result as unknown as JsonObject;
    if (changes.length === 0 && openPullNumber(snapshot) !== null) {
      // Findings can be wrong: the Developer's answer goes to those who found them, and the cycles are counted all the same.
      return { kind: 'complete', output, intents: this.handOver(session, snapshot, null) };
    }
    if (changes.length === 0 && !(await hasEarlierWork(session))) {
      const note = `The Developer made no change: ${result.summary}`;
      return { kind: 'complete', output, intents: giveUp({ at: session.at, source: session.task.id }, 'nothing_changed', note) };
    }
    const published = await publish(session, snapshot, { result, changes, suite: (session.state.evidence['suite'] ?? null) as SuiteRun | null });
    return { kind: 'complete', output, intents: [{ type: 'set_code', ...published }, ...this.handOver(session, snapshot, changesDigest(changes))] };
  }

  private handOver(session: TaskSession, snapshot: TicketSnapshot, signature: string | null): Intent[] {
    const tried = 'The Developer handed in the very same change as before.';
    return advance(session.phaseContext(snapshot), snapshot, { task: session.task, outcome: 'ready', feedback: {}, tried, signature });
  }

  /** Work so far goes to the branch, so that nobody pays for it twice. */
  override async salvage(session: TaskSession): Promise<Salvage | null> {
    const changes = (await session.workspace()).changes();
    if (changes.length === 0 || filesWithSecrets(changes).length > 0) return null;
    const snapshot = await session.snapshot();
    const { branch, sha } = await commitWork(session, snapshot, { message: `wip: work on #${session.ticket.number} up to the budget`, changes });
    return {
      note: `The work so far is commit ${sha.slice(0, 7)} on branch \`${branch}\`.`,
      intents: [{ type: 'set_code', branch, base_branch: session.base, head_sha: sha }],
    };
  }
}
