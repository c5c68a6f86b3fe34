import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';
import { isName } from './names.ts';

/** GitHub's own rule for accounts. */
const OWNER = /^[a-z\d](?:[a-z\d]|-(?=[a-z\d])){0,38}$/i;
const KEBAB = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const LINE = /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u;

/**
 * What a child was made from, kept in its book so that every later version of the template is rendered from the same words.
 * A question that a later version adds has a default, so that older books stay readable.
 */
export const answersSchema = z.strictObject({
  name: z.string().refine(isName, 'must be a name such as my-shop: lower case, digits, "-", "." or "_" between, at most 60 characters, not reserved'),
  domain: z.string().regex(KEBAB, 'must be a domain such as e-commerce'),
  /** Roles that are specialised, each once. */
  agents: z
    .array(z.string().regex(KEBAB, 'must be a role such as developer'))
    .min(1, 'must name at least one role')
    .refine((roles) => new Set(roles).size === roles.length, 'names a role twice'),
  /** The account on GitHub; empty where it is not known yet. */
  owner: z.union([z.literal(''), z.string().regex(OWNER, 'must be an account on GitHub, such as acme')]).default(''),
  /** One line on what the product is; it reaches the prompts. */
  description: z.string().trim().max(300).regex(LINE, 'must be one line').default(''),
  /** How often Vercel may call the cron: each minute (Pro), or daily (Hobby) with Supabase as the clock beside it. */
  schedule: z.enum(['minute', 'daily']).default('minute'),
  /** What an issue may cost, and how often the team goes round: `templates/agent-configs`. */
  effort: z.enum(['frugal', 'balanced', 'thorough']).default('balanced'),
});

export type Answers = z.infer<typeof answersSchema>;

type Given = z.input<typeof answersSchema>;
/** A question that may stay unanswered: it has a default. */
export type OptionalQuestion = { [Key in keyof Given]-?: undefined extends Given[Key] ? Key : never }[keyof Given];

export function isOptional(question: string): question is OptionalQuestion {
  return Object.hasOwn(answersSchema.shape, question) && answersSchema.shape[question as keyof Given].safeParse(undefined).success;
}

function readable(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: not a question of the template`;
  return `${issue.path.join('.') || 'answers'}: ${issue.message}`;
}

/**
 * @param origin where the answers stand, for the message
 * @throws BanyanError `config_invalid` naming every field that is wrong
 */
export function parseAnswers(input: unknown, origin: string): Answers {
  const result = answersSchema.safeParse(input);
  if (result.success) return result.data;
  throw new BanyanError('config_invalid', `${origin}: ${result.error.issues.map(readable).join('; ')}.`, {
    fix: `Correct ${origin}. The questions are: ${Object.keys(answersSchema.shape).join(', ')}.`,
    data: { fields: result.error.issues.map((issue) => issue.path.join('.')) },
  });
}

/** What was given apart from the answers that a child has. */
export interface Addition {
  known: Answers;
  /** Questions that the child has not answered yet. */
  open: readonly OptionalQuestion[];
  input: object;
  origin: string;
}

/**
 * The answers to open questions among what was given. The others must be what the child was made from: they are not changed here.
 * @throws BanyanError `config_invalid` naming every field that is wrong, unknown, or answered otherwise already
 */
export function addedAnswers({ known, open, input, origin }: Addition): Partial<Answers> {
  const own = Object.fromEntries(Object.entries(known).filter(([question]) => Object.hasOwn(answersSchema.shape, question)));
  const parsed = parseAnswers({ ...own, ...input }, origin);
  const isOpen = (question: string) => open.some((name) => name === question);
  const given = Object.entries(parsed).filter(([question]) => Object.hasOwn(input, question));
  const other = given.filter(([question, answer]) => !isOpen(question) && !isDeepStrictEqual(answer, known[question as keyof Answers]));
  if (other.length === 0) return Object.fromEntries(given.filter(([question]) => isOpen(question)));
  const fields = other.map(([question]) => question);
  throw new BanyanError('config_invalid', `${origin}: ${fields.join(', ')}: answered otherwise already, in the child's .banyan/template.json.`, {
    fix: `Leave ${fields.join(', ')} out. ${open.length > 0 ? `Not answered yet: ${open.join(', ')}.` : 'The child has answered every question.'}`,
    data: { fields },
  });
}
