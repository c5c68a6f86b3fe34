import { createHash } from 'node:crypto';
import { AIMessage, HumanMessage, ToolMessage } from '@langchain/core/messages';
import type { BaseMessage } from '@langchain/core/messages';
import { redactSecrets } from '../kernel/redact.ts';
import { untrustedCode } from '../kernel/text.ts';
import type { Directive } from '../domain/model.ts';
import type { Transcript } from './transcript.ts';

/*
 * When a conversation has gone astray, and how far it goes back. A step here is a turn of the model with the answers to its calls.
 *
 *   so many steps in a row whose every answer is an error   -> back, over them and up to five steps
 *   the same calls with the same answers, again and again   -> a word to the model, then back to the first of them, then a person
 *
 * It never goes back over what a person said, nor over an earlier rollback: so neither over what it did on GitHub, which comes after a
 * result and with it ends the conversation, unless a person speaks.
 */

const ERRORED_STEPS = 4;
const STEPS_BACK = 5;
const SAME_STEPS = 3;
const MAX_ROLLBACKS = 2;
/** Steps of which the files are kept as they were: no rollback goes back further. */
const KEPT_STEPS = 8;

/** Marks what is said to the model by us and not by a person. */
const NUDGE = 'banyan_nudge';
const REPETITION = 'repetition';

/** `diagnosis`: decided from outside, of a conversation that stood still or went in circles. */
type Reason = 'errors' | typeof REPETITION | 'diagnosis';

export type Trouble =
  | { action: 'nudge'; message: HumanMessage }
  | { action: 'rollback'; reason: Reason; cut: number; steps: number; evidence: Evidence }
  | { action: 'person'; reason: Reason; evidence: Evidence };

/** What failed, for the audit, for people and for the model. */
export interface Evidence {
  tools: string[];
  times: number;
  /** The first line of the last answer. */
  last: string;
}

interface Step {
  /** Where it begins in the messages. */
  start: number;
  answers: ToolMessage[];
  errored: boolean;
  /** Names its calls and their answers. */
  key: string;
}

function isOurs(message: BaseMessage): boolean {
  return message.additional_kwargs[NUDGE] !== undefined;
}

/** The steps since a person spoke last, oldest first; a turn without calls is none and ends a row of them. */
function newestSteps(messages: readonly BaseMessage[], floor: number): Step[] {
  const steps: Step[] = [];
  let answers: ToolMessage[] = [];
  for (let index = messages.length - 1; index >= floor && steps.length < KEPT_STEPS; index -= 1) {
    const message = messages[index];
    if (message instanceof ToolMessage) answers.unshift(message);
    if (!(message instanceof AIMessage)) continue;
    const calls = message.tool_calls ?? [];
    if (calls.length === 0 || answers.length < calls.length) break;
    const errored = answers.every((answer) => answer.status === 'error');
    steps.unshift({ start: index, answers, errored, key: digest([calls.map(({ name, args }) => [name, args]), answers.map(answerOf)]) });
    answers = [];
  }
  return steps;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** How long a command took is no part of what it answered. */
function answerOf(answer: ToolMessage): string {
  return answer.text.replace(/^(exit code \d+|killed after .*), [\d.]+ s$/m, '$1');
}

/** Behind the brief, and behind the last word of a person or of an earlier rollback. */
function floorOf(messages: readonly BaseMessage[]): number {
  const spoken = messages.findLastIndex((message) => message instanceof HumanMessage && !isOurs(message));
  return spoken + 1;
}

function countLast(steps: readonly Step[], matches: (step: Step) => boolean): number {
  const other = steps.findLastIndex((step) => !matches(step));
  return steps.length - 1 - other;
}

function evidenceOf(steps: readonly Step[]): Evidence {
  const last = steps.at(-1)?.answers.at(-1)?.text ?? '';
  const tools = [...new Set(steps.flatMap((step) => step.answers.map((answer) => answer.name ?? 'unknown')))];
  return { tools, times: steps.length, last: redactSecrets(last.split('\n')[0] ?? '').slice(0, 200) };
}

/** Back over the errors, and up to five steps where it was good there. */
function cutOfErrors(steps: readonly Step[], streak: number): { cut: number; steps: number } {
  for (let back = Math.min(Math.max(STEPS_BACK, streak), steps.length); back > streak; back -= 1) {
    const before = steps[steps.length - back - 1];
    const first = steps[steps.length - back];
    if (first && (!before || !before.errored)) return { cut: first.start, steps: back };
  }
  return { cut: steps[steps.length - streak]?.start ?? 0, steps: streak };
}

/** What is wrong with the newest steps; null where nothing is. */
export function findTrouble({ messages, rollbacks }: Pick<Transcript, 'messages' | 'rollbacks'>): Trouble | null {
  if (!(messages.at(-1) instanceof ToolMessage)) return null;
  const steps = newestSteps(messages, floorOf(messages));
  const errored = countLast(steps, (step) => step.errored);
  const last = steps.at(-1);
  if (errored >= ERRORED_STEPS) return undo('errors', steps.slice(-errored), cutOfErrors(steps, errored), rollbacks.length);
  const same = last ? countLast(steps, (step) => step.key === last.key) : 0;
  if (same < SAME_STEPS) return null;
  const repeated = steps.slice(-same);
  const wasUndone = rollbacks.some(({ reason }) => reason === REPETITION);
  if (wasUndone) return { action: 'person', reason: REPETITION, evidence: evidenceOf(repeated) };
  const wasTold = messages.slice(repeated[0]?.start).some((message) => message.additional_kwargs[NUDGE] === REPETITION);
  if (!wasTold) return { action: 'nudge', message: ours(REPETITION, repetitionText(repeated)) };
  // The first of them stays: what it did may be needed.
  return undo(REPETITION, repeated, { cut: repeated[1]?.start ?? messages.length, steps: same - 1 }, rollbacks.length);
}

function undo(reason: 'errors' | typeof REPETITION, wrong: readonly Step[], back: { cut: number; steps: number }, before: number): Trouble {
  const evidence = evidenceOf(wrong);
  return before >= MAX_ROLLBACKS ? { action: 'person', reason, evidence } : { action: 'rollback', reason, ...back, evidence };
}

function ours(kind: string, content: string): HumanMessage {
  return new HumanMessage({ content, additional_kwargs: { [NUDGE]: kind } });
}

function repetitionText(repeated: readonly Step[]): string {
  const tools = evidenceOf(repeated)
    .tools.map((tool) => `\`${tool}\``)
    .join(', ');
  return `You called ${tools} ${repeated.length} times in a row with the same arguments and got the same answer. Doing it again changes nothing: take another way, or hand in what you have.`;
}

/** What the model is told when it finds itself some steps back. Counted like a person's word: nothing goes back over it. */
export function rollbackMessage({ reason, steps, evidence }: Extract<Trouble, { action: 'rollback' }>): HumanMessage {
  const tools = evidence.tools.map((tool) => `\`${tool}\``).join(', ');
  const whys: Record<Reason, string> = {
    errors: `the last ${evidence.times} ended in errors (${tools})`,
    repetition: `you called ${tools} ${evidence.times} times with the same arguments and got the same answer`,
    diagnosis: 'the work did not get on',
  };
  const shown = untrustedCode(reason === 'diagnosis' ? 'what was seen' : 'the last answer', evidence.last);
  return new HumanMessage(
    `Your last ${steps} steps were undone, with the files that they changed, because ${whys[reason]}. The files are as they were before. Do not try the same again: look at the files as they are, and take another way.\n\n${shown}`,
  );
}

/** The rollback that a diagnosis wants; null where it was done already, or where what it would go back over must stay. */
export function directedRollback(
  { messages, seqs, rollbacks }: Pick<Transcript, 'messages' | 'seqs' | 'rollbacks'>,
  directive: Directive | null | undefined,
): Extract<Trouble, { action: 'rollback' }> | null {
  if (directive?.type !== 'roll_back' || rollbacks.some(({ to_seq: to }) => to >= directive.at_seq)) return null;
  const cut = seqs.indexOf(directive.from_seq);
  const turns = messages.slice(Math.max(cut, 0)).filter((message) => message instanceof AIMessage).length;
  if (cut < floorOf(messages) || !(messages[cut] instanceof AIMessage) || turns > KEPT_STEPS || rollbacks.length >= MAX_ROLLBACKS) return null;
  const answers = messages.slice(cut).filter((message) => message instanceof ToolMessage);
  const tools = [...new Set(answers.map((answer) => answer.name ?? 'unknown'))];
  return { action: 'rollback', reason: 'diagnosis', cut, steps: turns, evidence: { tools, times: turns, last: directive.reason.slice(0, 200) } };
}

/** For people, in the task's thread and where a person is called. */
export function describeTrouble(role: string, { reason, evidence }: Pick<Extract<Trouble, { action: 'person' }>, 'reason' | 'evidence'>): string {
  const tools = evidence.tools.map((tool) => `\`${tool}\``).join(', ');
  const whats: Record<Reason, string> = {
    errors: `${evidence.times} steps in a row ended in errors (${tools}); the last answer`,
    repetition: `${role} called ${tools} ${evidence.times} times in a row with the same arguments and the same answer; the last answer`,
    diagnosis: 'the work did not get on',
  };
  return `${whats[reason]}: "${evidence.last}"`;
}

/** The step up to which older versions of the files need not be kept. */
export function keepSeq({ messages, seqs }: Pick<Transcript, 'messages' | 'seqs'>): number {
  let turns = 0;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    if (messages[index] instanceof AIMessage) turns += 1;
    if (turns > KEPT_STEPS) return seqs[index] ?? 0;
  }
  return 0;
}
