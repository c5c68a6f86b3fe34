import { z } from 'zod';
import { TICKET_STATES } from './model.ts';

/** Where an outcome leads: a phase, `$merge` (a person merges) or `$fail` (a person is needed). */
const targetSchema = z.strictObject({
  to: z.string(),
  /** A ticket state that is passed on the way, so that its label is seen. */
  via: z.enum(TICKET_STATES).optional(),
  /** How often this way may be taken in one run; after that, `exhausted`. */
  cycles: z.int().min(1).max(10).optional(),
  exhausted: z.string().optional(),
});

const phaseSchema = z.strictObject({
  role: z.string(),
  /** The ticket's state while this phase is at work. */
  state: z.enum(TICKET_STATES),
  /** The column of the board. */
  column: z.string(),
  prompt: z.string(),
  /** The definition of done, given to the agent. */
  done: z.array(z.string()).min(1),
  outputs: z.array(z.string()),
  /** What to do with work that is found on the way. */
  discovery: z.string().optional(),
  /** The name of what a failed outcome hands back to the phase it leads to. */
  feedback: z.string().optional(),
  /** Rounds of questions to people before assumptions are taken. */
  rounds: z.int().min(0).max(10).optional(),
  timeout_minutes: z.int().min(1).max(240),
  attempts: z.int().min(1).max(20),
  on: z.record(z.string(), targetSchema),
});

/** The form of `templates/workflows/*.yml`. */
export const workflowSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    version: z.literal(1),
    start: z.string(),
    phases: z.record(z.string(), phaseSchema),
  })
  .superRefine((workflow, context) => {
    const known = new Set([...Object.keys(workflow.phases), '$merge', '$fail']);
    const check = (name: string | undefined, path: (string | number)[]) => {
      if (name !== undefined && !known.has(name)) context.addIssue({ code: 'custom', path, message: `names the unknown phase "${name}"` });
    };
    check(workflow.start, ['start']);
    for (const [phaseName, phase] of Object.entries(workflow.phases)) {
      for (const [outcome, target] of Object.entries(phase.on)) {
        check(target.to, ['phases', phaseName, 'on', outcome, 'to']);
        check(target.exhausted, ['phases', phaseName, 'on', outcome, 'exhausted']);
      }
    }
  });

export type Workflow = z.output<typeof workflowSchema>;
export type Phase = Workflow['phases'][string];
