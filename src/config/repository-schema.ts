import { z } from 'zod';
import { MAX_BUDGET_USD } from '../domain/commands.ts';
import { LABEL_KEYS, labelNames } from '../domain/labels.ts';
import type { LabelKey } from '../domain/labels.ts';
import { WAIT_OUTCOMES } from '../domain/waiting.ts';

const command = z.string().trim().min(1).max(500);
export const modelSchema = z
  .string()
  .trim()
  .regex(/^[a-z0-9_-]+:.+$/, 'must be "provider:model", e.g. "anthropic:claude-sonnet-4-5"');
const labelName = z.string().trim().min(1).max(50);

export const budgetSchema = z.union([
  z.number().positive().max(MAX_BUDGET_USD),
  z.strictObject({
    /** US dollars for one issue, all roles together. */
    usd: z.number().positive().max(MAX_BUDGET_USD),
    warn_at_percent: z.number().min(1).max(100).default(80),
  }),
]);

export const limitsSchema = z.strictObject({
  question_rounds: z.int().min(0).max(10).optional(),
  fix_cycles: z.int().min(1).max(10).optional(),
  max_steps: z.int().min(1).max(500).optional(),
  max_minutes: z.int().min(1).max(240).optional(),
  command_timeout_seconds: z.int().min(5).max(1800).optional(),
  max_repository_mb: z.int().min(1).max(1000).optional(),
});

const hours = z.number().min(1).max(8_760);
const person = z
  .string()
  .trim()
  .regex(/^@[a-z\d](?:-?[a-z\d]){0,38}(?:\/[a-z\d][\w.-]{0,99})?$/i, 'must be "@login" or "@organization/team"');

/** Each field with its default: a field that is left out must not undo the others. */
const waiting = z.strictObject({
  remind_after_hours: hours.default(48),
  escalate_after_hours: hours.default(120),
  end_after_hours: hours.default(336),
  at_end: z.enum(WAIT_OUTCOMES).default('stop'),
  escalate_to: z.array(person).max(5).default([]),
  remind_merge: z.boolean().default(true),
});

/** What becomes of branches of Banyan's; a branch with commits of people that were not merged is never deleted. */
const branches = z.strictObject({
  delete_on_merge: z.boolean().default(false),
  delete_on_close: z.boolean().default(false),
});

/** One label shows one state: a name that two share would be taken off by the one and put on by the other. */
function eachItsOwn(renamed: Partial<Record<LabelKey, string>>, context: z.RefinementCtx): void {
  const names = Object.entries(labelNames(renamed));
  for (const [key, name] of names) {
    const twin = names.find(([other, taken]) => other !== key && taken.toLowerCase() === name.toLowerCase());
    if (twin && key in renamed) context.addIssue({ code: 'custom', path: [key], message: `has the name that "${twin[0]}" has` });
  }
}

/** The form of `.github/banyan.yml`. Every field is optional; unknown ones are refused, so that a typing error is not silence. */
export const repositoryConfigSchema = z.strictObject({
  version: z.literal(1).default(1),
  enabled: z.boolean().default(true),
  commands: z.strictObject({ install: command, test: command, lint: command, build: command }).partial().default({}),
  budget: budgetSchema.default(5),
  limits: limitsSchema.default({}),
  models: z
    .strictObject({
      default: modelSchema,
      'product-owner': modelSchema,
      developer: modelSchema,
      qa: modelSchema,
      reviewer: modelSchema,
      /** Reads conversations along where a rule cannot tell: a small one will do. */
      guardian: modelSchema,
      /** US dollars per million tokens, for models that the price list does not know. */
      prices: z.record(z.string(), z.strictObject({ input: z.number().min(0), output: z.number().min(0) })),
    })
    .partial()
    .default({}),
  labels: z.partialRecord(z.enum(LABEL_KEYS), labelName).superRefine(eachItsOwn).default({}),
  waiting: waiting.prefault({}),
  branches: branches.prefault({}),
  /** Each week is told: on the issue that is named here, or (`true`) on one that Banyan opens for it. */
  digest: z.union([z.boolean(), z.strictObject({ issue: z.int().positive() })]).default(false),
  protected_paths: z.array(z.string().trim().min(1).max(300)).max(200).default([]),
});

export type RepositoryConfigInput = z.output<typeof repositoryConfigSchema>;

/** What an instance says where a repository says nothing: in the form of `.github/banyan.yml`. */
export interface RepositoryDefaults {
  budget?: { usd: number; warn_at_percent: number };
  limits?: z.output<typeof limitsSchema>;
}
