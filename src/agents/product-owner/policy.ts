import { refreshStatus, showState } from '../../domain/effects.ts';
import { advance } from '../../domain/phases.ts';
import type { PhaseContext } from '../../domain/phases.ts';
import type { Intent } from '../../domain/intents.ts';
import type { JsonObject, Task, TicketSnapshot } from '../../domain/model.ts';
import type { ProductOwnerResult } from '../results.ts';

/** People whose words went into the analysis: who opened the issue, and who answered. */
export function speakers(snapshot: TicketSnapshot, taskId: string): string[] {
  const mine = snapshot.questions.filter((question) => question.task_id === taskId && question.answered_by !== null);
  return [...new Set([snapshot.ticket.author, ...mine.map((question) => question.answered_by ?? '')])];
}

function waitForApproval({ at, source }: PhaseContext): Intent[] {
  return [
    { type: 'set_ticket', state: 'awaiting_approval', waiting_for: 'approval', waiting_on: 'maintainers', note: null },
    showState(at, source, 'awaiting_approval'),
    refreshStatus(at),
  ];
}

export interface Analysis {
  task: Task;
  result: ProductOwnerResult;
  /** True where somebody without write access had a part in it: then a maintainer says whether it is built. */
  needsApproval: boolean;
}

/** The analysis on the ticket, and the next phase. */
export function acceptAnalysis(context: PhaseContext, snapshot: TicketSnapshot, { task, result, needsApproval }: Analysis): Intent[] {
  const next = needsApproval ? waitForApproval(context) : advance(context, snapshot, { task, outcome: 'ready', feedback: {}, tried: '' });
  return [
    { type: 'close_questions', state: 'assumed' },
    {
      type: 'set_ticket',
      refined_description: result.refined_description,
      acceptance_criteria: result.acceptance_criteria,
      priority: result.priority,
    },
    ...(result.tasks?.length
      ? [{ type: 'artifact', task_id: task.id, kind: 'breakdown', name: 'tasks', content: { tasks: result.tasks } as unknown as JsonObject } as Intent]
      : []),
    ...next,
  ];
}
