import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';

/** One skill: knowledge that roles get into their prompt. */
export const skillSchema = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower case words joined by hyphens'),
  description: z.string().trim().min(1).max(1_024),
  instructions: z.string().trim().min(1).max(16_000),
  /** Whom it is for; every role where it is left out. */
  roles: z.array(z.string().min(1)).min(1).optional(),
});

export type Skill = z.output<typeof skillSchema>;

const frontMatterSchema = skillSchema.omit({ instructions: true }).loose();

function invalid(path: string, problem: string, cause?: unknown): BanyanError {
  return new BanyanError('config_invalid', `The skill ${path} does not hold: ${problem}.`, {
    retry: 'needs_human',
    fix: 'A SKILL.md begins with a line ---, then name, description and (optional) roles as YAML, a line ---, and the instructions.',
    cause,
  });
}

/** The path of a file that a configuration names. */
export function pathOf(file: string | URL): string {
  return typeof file === 'string' ? file : fileURLToPath(file);
}

/** @throws BanyanError `not_found` naming the file and what it is to be */
export function readText(file: string | URL, what: string): string {
  const path = pathOf(file);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BanyanError('not_found', `The ${what} ${path} cannot be read.`, {
      retry: 'needs_human',
      fix: "Name it by its place beside the configuration: new URL('./the/file', import.meta.url).",
      cause,
    });
  }
}

/**
 * A skill from a SKILL.md: front matter (`name`, `description`, optional `roles`; other fields are left alone), then the instructions.
 * @param file path or URL; the URL form (`new URL('./skills/refunds/SKILL.md', import.meta.url)`) is what a deployment follows
 * @throws BanyanError `not_found`, or `config_invalid` naming the file and the field
 */
export function loadSkill(file: string | URL): Skill {
  const path = pathOf(file);
  const [, head, instructions] = /^---\r?\n([\s\S]*?)\r?\n---\r?\n?([\s\S]*)$/.exec(readText(file, 'skill')) ?? [];
  if (head === undefined || instructions === undefined) throw invalid(path, 'it has no front matter');
  const front = frontMatterSchema.safeParse(parseYaml(path, head));
  if (!front.success) throw invalid(path, front.error.issues.map(problemOf).join('; '));
  const { name, description, roles } = front.data;
  const skill = skillSchema.safeParse({ name, description, instructions, ...(roles ? { roles } : {}) });
  if (!skill.success) throw invalid(path, skill.error.issues.map(problemOf).join('; '));
  return skill.data;
}

function problemOf(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.') || 'front matter'}: ${issue.message}`;
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw invalid(path, `its front matter is no YAML (${toBanyanError(cause).message})`, cause);
  }
}
