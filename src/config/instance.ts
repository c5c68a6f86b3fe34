import { z } from 'zod';
import { WORKFLOWS } from '../domain/workflows.generated.ts';
import { workflowSchema } from '../domain/workflow.ts';
import type { Workflow } from '../domain/workflow.ts';
import { BanyanError } from '../kernel/errors.ts';
import { budgetSchema, limitsSchema, modelSchema } from './repository-schema.ts';
import type { RepositoryDefaults } from './repository-schema.ts';
import { skillSchema } from './skill.ts';
import type { Skill } from './skill.ts';

/** Skills accompany every call of a conversation: together they may take so much of a prompt. */
export const MAX_SKILL_CHARS_OF_ROLE = 32_000;

const roleName = z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower case words joined by hyphens, e.g. "developer" or "security-auditor"');

function isWorkflowName(name: string): boolean {
  return Object.hasOwn(WORKFLOWS, name);
}

const workflow = z.union([
  z.string().refine(isWorkflowName, `must be one of: ${Object.keys(WORKFLOWS).join(', ')}; or what loadWorkflow() gives`),
  workflowSchema,
]);

/** The form of an instance's settings, but for its agents. Unknown fields are refused, so that a typing error is not silence. */
export const instanceSchema = z.strictObject({
  /** What the instance builds software for: stands in the prompt of every role. */
  domain: z.strictObject({ name: z.string().trim().min(1).max(100), description: z.string().trim().max(4_000).default('') }).optional(),
  workflow: workflow.default('default'),
  /** `default` and by role; weaker than the environment's and a repository's word. */
  models: z.record(z.union([z.literal('default'), roleName]), modelSchema).default({}),
  /** For repositories whose `.github/banyan.yml` names none. */
  budgets: z
    .strictObject({
      usd: budgetSchema.options[1].shape.usd,
      warn_at_percent: budgetSchema.options[1].shape.warn_at_percent,
    })
    .optional(),
  /** Likewise, each field on its own. */
  limits: limitsSchema.optional(),
  skills: z.array(skillSchema).max(50).default([]),
});

export type InstanceInput = z.input<typeof instanceSchema>;

/** An instance's settings, every default filled in. */
export interface InstanceSettings {
  domain: { name: string; description: string } | null;
  workflow: Workflow;
  models: { default: string | undefined; byRole: Record<string, string> };
  repository: RepositoryDefaults;
  skills: readonly Skill[];
}

/** An error of `banyan.config.ts`: each line names a field and what is wrong with it. */
export function instanceError(lines: readonly string[], fix: string, fields: readonly string[]): BanyanError {
  return new BanyanError('config_invalid', `The configuration of this instance (banyan.config.ts) does not hold:\n  ${lines.join('\n  ')}`, {
    retry: 'needs_human',
    fix,
    data: { fields },
  });
}

export interface FieldProblem {
  field: string;
  line: string;
}

function linesOf(issue: z.core.$ZodIssue): FieldProblem[] {
  const at = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [{ field: at, line: `${at || '(the whole)'}: ${issue.message}` }];
  const known = issue.path.length === 0 ? `; known are: agents, ${Object.keys(instanceSchema.shape).join(', ')}` : '';
  return issue.keys.map((key) => {
    const field = [...issue.path, key].join('.');
    return { field, line: `${field}: is not a known field${known}` };
  });
}

/**
 * @param agents what is wrong with those, which are no data
 * @throws BanyanError `config_invalid` naming every field that is wrong
 */
export function readInstance(input: unknown, agents: readonly FieldProblem[] = []): InstanceSettings {
  const parsed = instanceSchema.safeParse(input);
  if (!parsed.success || agents.length > 0) {
    const problems = [...agents, ...(parsed.error?.issues ?? []).flatMap(linesOf)];
    throw instanceError(
      problems.map(({ line }) => line),
      `${agents.length > 0 ? 'List each role once under agents, as an instance of its class. ' : ''}Correct the fields, or leave them out to have the defaults (docs/children.md).`,
      problems.map(({ field }) => field),
    );
  }
  const { domain, workflow: wanted, models, budgets, limits, skills } = parsed.data;
  const { default: defaultModel, ...byRole } = models;
  return {
    domain: domain ?? null,
    workflow: typeof wanted === 'string' ? namedWorkflow(wanted) : wanted,
    models: { default: defaultModel, byRole },
    repository: { ...(budgets ? { budget: budgets } : {}), ...(limits ? { limits } : {}) },
    skills,
  };
}

export function namedWorkflow(name: string): Workflow {
  const found = WORKFLOWS[name];
  if (!found) throw new Error(`the workflow "${name}" is missing: npm run generate`);
  return found;
}

/** What of an instance goes into prompts. */
export type InstanceContext = Pick<InstanceSettings, 'domain' | 'skills'>;

/** What a role must know of the domain: the instance's word, the agent's own, then the skills that are for the role. Markdown; '' where there is none. */
export function domainSection({ domain, skills }: InstanceContext, role: string, own: string): string {
  const about = domain ? `Domain: ${domain.name}.${domain.description ? `\n\n${domain.description}` : ''}` : '';
  const forRole = skillsOf(skills, role).map(({ name, description, instructions }) => `## Skill: ${name}\n\n${description}\n\n${instructions}`);
  return [about, own, ...forRole].filter((part) => part.trim()).join('\n\n');
}

export function skillsOf(skills: readonly Skill[], role: string): Skill[] {
  return skills.filter(({ roles }) => roles === undefined || roles.includes(role));
}
