/** Every question with a default has its prompt here and its field in `answersSchema`; `spawn` and `update` ask the same way. */
import { cancel, CANCEL_SYMBOL, select, text } from '@clack/prompts';
import { answersSchema, type Answers, type OptionalQuestion } from '../../src/spawn/answers.ts';
import { cancelled } from '../../src/spawn/command.ts';
import type { Template } from '../../src/spawn/template.ts';

export interface Asked {
  /** Whose words explain what an answer brings. */
  template: Template;
  domain: string;
  signal?: AbortSignal;
}

/** A prompt's answer; Ctrl-C in one ends the command before anything is written. */
export async function answered<T>(prompt: Promise<T | typeof CANCEL_SYMBOL>): Promise<T> {
  const answer = await prompt;
  if (answer !== CANCEL_SYMBOL) return answer;
  cancel('Nothing was written.');
  throw cancelled();
}

type LineQuestion = 'owner' | 'description';
type Ask<Question extends OptionalQuestion> = (asked: Asked) => Promise<Answers[Question]>;

function interruption({ signal }: Asked): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function line(field: LineQuestion, message: (asked: Asked) => string): (asked: Asked) => Promise<string> {
  const schema = answersSchema.shape[field];
  const fallback = schema.parse(undefined);
  const validate = (value: string | undefined) => schema.safeParse(value ?? '').error?.issues[0]?.message;
  return (asked) => answered(text({ message: message(asked), placeholder: fallback, defaultValue: fallback, validate, ...interruption(asked) }));
}

function choice<Choice extends string>(
  question: OptionalQuestion,
  message: string,
  among: { options: readonly Choice[]; fallback: Choice },
): (asked: Asked) => Promise<Choice> {
  const { options, fallback } = among;
  return (asked) => {
    const files = asked.template.parts.flatMap(({ manifest }) => manifest.files);
    const hintOf = (value: Choice) => files.find(({ when }) => when[question] === value)?.description;
    const choices = options.map((value): { value: string; label: string; hint?: string } => {
      const hint = hintOf(value);
      return { value, label: value === fallback ? `${value} (default)` : value, ...(hint === undefined ? {} : { hint }) };
    });
    return answered(select({ message, options: choices, initialValue: fallback, ...interruption(asked) })).then(
      (value) => options.find((option) => option === value) ?? fallback,
    );
  };
}

const { schedule, effort } = answersSchema.shape;

const PROMPTS: { [Question in OptionalQuestion]: Ask<Question> } = {
  owner: line('owner', () => 'Which account on GitHub will it belong to? (may stay empty)'),
  description: line('description', ({ template, domain }) => {
    const words = template.domains.get(domain)?.manifest.defaults.description;
    return `What is the product, in one line?${words === undefined ? '' : ` (empty: ${words})`}`;
  }),
  schedule: choice('schedule', 'How often may Vercel call the cron?', { options: schedule.unwrap().options, fallback: schedule.parse(undefined) }),
  effort: choice('effort', 'How much may the team spend on an issue?', { options: effort.unwrap().options, fallback: effort.parse(undefined) }),
};

/** Asks one question at the terminal, with its default. */
export function askQuestion<Question extends OptionalQuestion>(question: Question, asked: Asked): Promise<Answers[Question]> {
  return PROMPTS[question](asked);
}
