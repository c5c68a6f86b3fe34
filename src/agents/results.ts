import { z } from 'zod';
import { PRIORITIES, type Role } from '../domain/model.ts';
import { decisionWord, priorityWord, severityWord } from './results/words.ts';
import { list, oneLine, optionalText, prose, record, truth, verbatim, wholeNumber } from './results/lenient.ts';

/**
 * The structured answers by which roles hand in their work. Each has two sides: the form that the model is shown
 * (plain, convertible to JSON Schema with `io: 'input'`), and a lenient step before it that takes what means the same
 * (null for absent, `"12"` for 12, `APPROVE` for `approve`), cuts what is too long or too many, drops unknown fields,
 * cleans prose of what cannot be seen - and never invents a required field.
 */

const MAX_QUESTIONS = 5;
const MAX_COMMENTS = 10;
const MAX_FINDINGS = 20;
const MAX_CRITERIA = 20;
const MAX_TASKS = 10;
const LONG = 30_000;
const MEDIUM = 4_000;
const SHORT = 1_000;
const LINE = 250;

const path = z.string().max(SHORT).nullable().default(null).describe('Path of the file from the root of the repository; null when it concerns no file.');
const line = z.int().min(1).nullable().default(null).describe('Line in the new version of the file; null when it concerns no line.');

const productOwnerForm = z
  .object({
    needs_clarification: z.boolean().describe('True when people must answer before anybody can build it.'),
    questions: z
      .array(z.string().max(SHORT))
      .max(MAX_QUESTIONS)
      .default([])
      .describe('Only when clarification is needed. Each ends with what is taken if nobody answers: "Should X or Y? (Otherwise: X.)"'),
    refined_description: z.string().max(LONG).default('').describe('What is to be built and why, so that it can be built without asking again. Markdown.'),
    acceptance_criteria: z.array(z.string().max(SHORT)).max(MAX_CRITERIA).default([]).describe('Each can be checked by a test or by looking.'),
    priority: z.enum(PRIORITIES).default('medium'),
    tasks: z
      .array(z.object({ title: z.string().min(1).max(LINE), description: z.string().max(MEDIUM).default('') }))
      .max(MAX_TASKS)
      .optional()
      .describe('Steps of the work, where there is more than one. Optional.'),
  })
  .superRefine((result, context) => {
    const missing = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (result.needs_clarification) {
      if (result.questions.length === 0) missing('questions', 'needs_clarification is true, so there must be at least one question');
      return;
    }
    if (!result.refined_description) missing('refined_description', 'needs_clarification is false, so there must be a refined description');
  })
  .meta({ title: 'submit_product_owner_result', description: 'Hands in the analysis of the issue.' });

const developerForm = z
  .object({
    summary: z.string().min(1).max(MEDIUM).describe('What was changed, for the people who follow the issue. Two or three sentences.'),
    commit_message: z.string().min(1).max(MEDIUM).describe('Conventional Commits: "feat: ..." or "fix: ...", then a blank line and the reason.'),
    pr_title: z.string().min(1).max(LINE),
    pr_body: z.string().min(1).max(LONG).describe('What and why, how it was tested, risks. Markdown.'),
  })
  .meta({ title: 'submit_developer_result', description: 'Hands in the finished change.' });

const qaForm = z
  .object({
    passed: z.boolean().describe('False when any finding must be fixed before a review makes sense.'),
    summary: z.string().min(1).max(MEDIUM).describe('What was checked, how, and what that showed.'),
    findings: z
      .array(
        z.object({
          path,
          line,
          severity: z.enum(['error', 'warning', 'info']).default('warning').describe('error: must be fixed.'),
          message: z.string().min(1).max(MEDIUM).describe('What is wrong, how to see it, what was expected.'),
        }),
      )
      .max(MAX_FINDINGS)
      .default([]),
  })
  .meta({ title: 'submit_qa_result', description: 'Hands in the verdict on the change.' });

const reviewerForm = z
  .object({
    decision: z.enum(['approve', 'request_changes', 'comment']).describe('request_changes only for what must change before a merge.'),
    summary: z.string().min(1).max(MEDIUM),
    comments: z
      .array(
        z.object({
          path,
          line,
          body: z.string().min(1).max(MEDIUM),
          suggestion: z.string().max(MEDIUM).optional().describe('The exact text that is to replace the line. Only the text: no fence, no explanation.'),
        }),
      )
      .max(MAX_COMMENTS)
      .default([]),
  })
  .meta({ title: 'submit_reviewer_result', description: 'Hands in the review.' });

export type ProductOwnerResult = z.output<typeof productOwnerForm>;
export type DeveloperResult = z.output<typeof developerForm>;
export type QaResult = z.output<typeof qaForm>;
export type ReviewerResult = z.output<typeof reviewerForm>;

/** Takes a value apart field by field; what is no object is left for the form to refuse. */
function lenient<Form extends z.ZodType>(form: Form, read: (raw: Record<string, unknown>) => Record<string, unknown>) {
  return z.preprocess((value) => {
    const raw = record(value);
    return raw ? read(raw) : value;
  }, form);
}

export const productOwnerResult: z.ZodType<ProductOwnerResult> = lenient(productOwnerForm, (raw) => ({
  needs_clarification: truth(raw.needs_clarification),
  questions: list(raw.questions, MAX_QUESTIONS, (item) => prose(record(item)?.question ?? item, SHORT)),
  refined_description: prose(raw.refined_description ?? undefined, LONG),
  acceptance_criteria: list(raw.acceptance_criteria, MAX_CRITERIA, (item) => prose(record(item)?.criterion ?? item, SHORT)),
  priority: priorityWord(raw.priority),
  tasks: list(raw.tasks, MAX_TASKS, (item) => {
    const task = record(item);
    return task ? { title: oneLine(task.title, LINE), description: prose(task.description ?? undefined, MEDIUM) } : { title: oneLine(item, LINE) };
  }),
}));

export const developerResult: z.ZodType<DeveloperResult> = lenient(developerForm, (raw) => ({
  summary: prose(raw.summary, MEDIUM),
  commit_message: prose(raw.commit_message, MEDIUM),
  pr_title: oneLine(raw.pr_title, LINE),
  pr_body: prose(raw.pr_body, LONG),
}));

export const qaResult: z.ZodType<QaResult> = lenient(qaForm, (raw) => ({
  passed: truth(raw.passed),
  summary: prose(raw.summary, MEDIUM),
  findings: list(raw.findings, MAX_FINDINGS, (item) => {
    const finding = record(item);
    if (!finding) return { message: prose(item, MEDIUM) };
    return {
      path: optionalText(finding.path, SHORT),
      line: wholeNumber(finding.line),
      severity: severityWord(finding.severity),
      message: prose(finding.message, MEDIUM),
    };
  }),
}));

export const reviewerResult: z.ZodType<ReviewerResult> = lenient(reviewerForm, (raw) => ({
  decision: decisionWord(raw.decision),
  summary: prose(raw.summary, MEDIUM),
  comments: list(raw.comments, MAX_COMMENTS, (item) => {
    const comment = record(item);
    if (!comment) return { body: prose(item, MEDIUM) };
    return {
      path: optionalText(comment.path, SHORT),
      line: wholeNumber(comment.line),
      body: prose(comment.body, MEDIUM),
      suggestion: verbatim(comment.suggestion, MEDIUM),
    };
  }),
}));

/** The forms of the built-in roles, by role. */
export const RESULT_SCHEMAS = {
  'product-owner': productOwnerResult,
  developer: developerResult,
  qa: qaResult,
  reviewer: reviewerResult,
} satisfies Record<Role, z.ZodType>;

/** Name of the tool by which a role hands in its result: `submit_product_owner_result`. */
export function resultName(role: string): string {
  return `submit_${role.replace(/[^A-Za-z0-9]+/g, '_')}_result`;
}

/** "Should X or Y? (Otherwise: X.)" into the question and what is taken if nobody answers it. */
export function splitAssumption(question: string): { body: string; assumption: string | null } {
  const open = question.toLowerCase().lastIndexOf('(otherwise');
  if (open <= 0) return { body: question, assumption: null };
  const assumption = question
    .slice(open + '(otherwise'.length)
    .replace(/^[\s:,]+/, '')
    .replace(/[\s)]+$/, '');
  return { body: question.slice(0, open).trim(), assumption: assumption || null };
}
