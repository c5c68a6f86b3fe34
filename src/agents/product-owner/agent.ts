import type { JsonObject, TicketSnapshot } from '../../domain/model.ts';
import { mayStartWork } from '../../domain/permission.ts';
import { askPeople, roundsAsked } from '../../engine/asking.ts';
import type { Finish } from '../../engine/role.ts';
import type { TaskSession } from '../../engine/session.ts';
import { BaseAgent } from '../base.ts';
import { issueSection, joinSections, overviewSection, planAgainSection, threadSection } from '../common.ts';
import { PROMPTS } from '../prompts.generated.ts';
import { productOwnerResult, splitAssumption } from '../results.ts';
import type { ProductOwnerResult } from '../results.ts';
import { acceptAnalysis, speakers } from './policy.ts';

/** Analyses an issue, asks what is missing, and says what is to be built. */
export class ProductOwnerAgent extends BaseAgent<ProductOwnerResult> {
  override readonly role: string = 'product-owner';
  override readonly resultSchema = productOwnerResult;
  override readonly permissions = ['read', 'discover'] as const;
  override readonly limits = { maxSteps: 40 };

  protected override rolePrompt(): string {
    return PROMPTS['product-owner'];
  }

  protected override async opening(session: TaskSession): Promise<string> {
    const rounds = this.rounds(session);
    const limit = `You may ask in at most ${rounds} rounds; after that, take your assumptions and say so.`;
    return joinSections(
      issueSection(session),
      planAgainSection(session),
      // A maintainer looks at the outcome where somebody without write access had a part in it.
      await threadSection(session, [session.ticket.author]),
      await overviewSection(session),
      rounds > 0 ? limit : 'Nobody can be asked: take assumptions and say so.',
    );
  }

  private rounds(session: TaskSession): number {
    return session.config.limits.questionRounds ?? session.phase.rounds ?? 3;
  }

  override async check(session: TaskSession, result: ProductOwnerResult): Promise<string | null> {
    if (!result.needs_clarification) return null;
    const asked = roundsAsked(await session.snapshot(), session.task.id);
    if (asked < this.rounds(session)) return null;
    return `You have asked in ${asked} rounds and may not ask again. Hand in needs_clarification: false, with your assumptions in the refined description.`;
  }

  /** Asked of GitHub now, not when they wrote: permissions change. */
  private async hadStrangers(session: TaskSession, snapshot: TicketSnapshot): Promise<boolean> {
    const permissions = await Promise.all(speakers(snapshot, session.task.id).map((login) => session.repository.issues.permission(login)));
    return permissions.some((permission) => !mayStartWork(permission));
  }

  override async finish(session: TaskSession, result: ProductOwnerResult, snapshot: TicketSnapshot): Promise<Finish> {
    if (result.needs_clarification) return askPeople(session, snapshot, result.questions.map(splitAssumption));
    const needsApproval = await this.hadStrangers(session, snapshot);
    const intents = acceptAnalysis(session.phaseContext(snapshot), snapshot, { task: session.task, result, needsApproval });
    return { kind: 'complete', output: result as unknown as JsonObject, intents };
  }
}
