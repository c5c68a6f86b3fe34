import { isMap, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { labelNames } from '../domain/labels.ts';
import type { LabelNames } from '../domain/labels.ts';
import type { WaitingRules } from '../domain/waiting.ts';
import { repositoryConfigSchema } from './repository-schema.ts';
import type { RepositoryConfigInput, RepositoryDefaults } from './repository-schema.ts';

export const REPOSITORY_CONFIG_PATH = '.github/banyan.yml';

/** A repository's settings with every default filled in. It is stored with the run and does not change under it. */
export interface RepositoryConfig {
  enabled: boolean;
  commands: { install?: string; test?: string; lint?: string; build?: string };
  budget: { usd: number; warnAtUsd: number };
  limits: {
    questionRounds: number | null;
    fixCycles: number | null;
    maxSteps: number;
    maxMinutes: number | null;
    commandTimeoutSeconds: number;
    maxRepositoryMb: number;
  };
  models: { default: string | null; byRole: Record<string, string>; prices: Record<string, { input: number; output: number }> };
  labels: LabelNames;
  waiting: WaitingRules;
  branches: { deleteOnMerge: boolean; deleteOnClose: boolean };
  /** `issue: null` where Banyan is to open the issue. */
  digest: { issue: number | null } | null;
  protectedPaths: string[];
}

export interface ConfigProblem {
  /** 1-based line in the file. */
  line: number;
  field: string;
  problem: string;
  fix: string;
}

function fill(input: RepositoryConfigInput): RepositoryConfig {
  const budget = typeof input.budget === 'number' ? { usd: input.budget, warn_at_percent: 80 } : input.budget;
  const { default: defaultModel, prices, ...byRole } = input.models;
  return {
    enabled: input.enabled,
    commands: input.commands,
    budget: { usd: budget.usd, warnAtUsd: (budget.usd * budget.warn_at_percent) / 100 },
    limits: {
      questionRounds: input.limits.question_rounds ?? null,
      fixCycles: input.limits.fix_cycles ?? null,
      maxSteps: input.limits.max_steps ?? 80,
      maxMinutes: input.limits.max_minutes ?? null,
      commandTimeoutSeconds: input.limits.command_timeout_seconds ?? 300,
      maxRepositoryMb: input.limits.max_repository_mb ?? 200,
    },
    models: { default: defaultModel ?? null, byRole, prices: prices ?? {} },
    labels: labelNames(input.labels),
    waiting: {
      remindAfterHours: input.waiting.remind_after_hours,
      escalateAfterHours: input.waiting.escalate_after_hours,
      endAfterHours: input.waiting.end_after_hours,
      atEnd: input.waiting.at_end,
      escalateTo: input.waiting.escalate_to,
      remindMerge: input.waiting.remind_merge,
    },
    branches: { deleteOnMerge: input.branches.delete_on_merge, deleteOnClose: input.branches.delete_on_close },
    digest: input.digest === true ? { issue: null } : input.digest || null,
    protectedPaths: input.protected_paths,
  };
}

export function defaultRepositoryConfig(instance: RepositoryDefaults = {}): RepositoryConfig {
  return fill(repositoryConfigSchema.parse(instance));
}

/** A repository's word over the instance's, field by field; what has not the form of a configuration is left for the schema to refuse. */
function over(plain: unknown, { budget, limits }: RepositoryDefaults): unknown {
  if (!isObject(plain)) return plain;
  const own = plain['limits'] ?? {};
  return { ...plain, ...(budget && !('budget' in plain) ? { budget } : {}), ...(limits && isObject(own) ? { limits: { ...limits, ...own } } : {}) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lineOf(document: Document, lines: LineCounter, path: PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const part = path.slice(0, length);
    const key = part.at(-1);
    const parent = length === 0 ? document.contents : document.getIn(part.slice(0, -1), true);
    const pair = isMap(parent) ? parent.items.find((item) => String(item.key) === String(key)) : undefined;
    const node = (pair?.key ?? (length === 0 ? null : document.getIn(part, true))) as { range?: [number, number, number] } | null | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

const FIELDS = Object.keys(repositoryConfigSchema.shape).join(', ');

function fixOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return issue.path.length === 0 ? `Remove it, or use one of: ${FIELDS}.` : 'Remove it or correct its spelling.';
  if (issue.code === 'invalid_union' && issue.path[0] === 'digest') return 'Write `digest: true`, or `digest: {issue: 12}`.';
  if (issue.code === 'invalid_union') return 'Write a number of US dollars (`budget: 5`), or `budget: {usd: 5, warn_at_percent: 80}`.';
  if (issue.code === 'invalid_type') return `Give a value of type ${issue.expected}.`;
  return 'Correct the value, or remove the line to use the default.';
}

function problemsOf(error: z.ZodError, document: Document, lines: LineCounter): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return keys.map((path) => ({
      line: lineOf(document, lines, path),
      field: path.join('.') || '(file)',
      problem: issue.code === 'unrecognized_keys' ? 'is not a known field' : issue.message,
      fix: fixOf(issue),
    }));
  });
}

/** Reads the text of `.github/banyan.yml`; null (no file) is all defaults. Never throws: problems come with the defaults, which are the instance's. */
export function parseRepositoryConfig(text: string | null, instance: RepositoryDefaults = {}): { config: RepositoryConfig; problems: ConfigProblem[] } {
  const defaults = () => defaultRepositoryConfig(instance);
  if (text === null || text.trim() === '') return { config: defaults(), problems: [] };
  const lines = new LineCounter();
  // Aliases can be nested to grow without bound ("billion laughs"); nobody needs them in this file.
  const document = parseDocument(text.slice(0, 64_000), { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    field: '(file)',
    problem: `is not valid YAML: ${error.message}`,
    fix: 'Correct the syntax at this line.',
  }));
  if (broken.length > 0) return { config: defaults(), problems: oneForEachLine(broken) };
  const plain = toPlain(document);
  if (plain === ALIASES) return { config: defaults(), problems: [ALIAS_PROBLEM] };
  const result = repositoryConfigSchema.safeParse(over(plain ?? {}, instance));
  if (result.success) return { config: fill(result.data), problems: [] };
  return { config: defaults(), problems: problemsOf(result.error, document, lines) };
}

const ALIASES = Symbol('aliases');
const ALIAS_PROBLEM: ConfigProblem = { line: 1, field: '(file)', problem: 'uses YAML aliases, which are not supported', fix: 'Write each value out.' };

/** One slip often gives several errors in a row; the first says where it is. */
function oneForEachLine(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.filter((problem, index) => problems.findIndex((other) => other.line === problem.line) === index);
}

function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    return ALIASES;
  }
}
