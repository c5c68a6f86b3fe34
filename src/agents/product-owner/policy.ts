import { advance } from '../../domain/phases.ts';
import type { PhaseContext } from '../../domain/phases.ts';
import type { Intent } from '../../domain/intents.ts';
import type { JsonObject, Task, TicketSnapshot } from '../../domain/model.ts';
import type { ProductOwnerResult } from '../results.ts';

/** Rounds of questions that were asked already. */
export function roundsAsked(snapshot: TicketSnapshot, taskId: string): number {
  return Math.max(0, ...snapshot.questions.filter((question) => question.task_id === taskId).map((question) => question.round));
}

/** The analysis on the ticket, and the next phase. */
export function acceptAnalysis(context: PhaseContext, snapshot: TicketSnapshot, task: Task, result: ProductOwnerResult): Intent[] {
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
    ...advance(context, snapshot, { task, outcome: 'ready', feedback: {}, tried: '' }),
  ];
}
