import { redactSecrets } from '../kernel/redact.ts';
import { humanDuration } from '../kernel/time.ts';
import { ANOMALY_SCORE } from './anomaly.ts';
import { criticalPath } from './graph.ts';
import { focusOf, signatureOf } from './diagnosis.ts';
import type { Case, Facts, Stall } from './diagnosis.ts';
import type { JsonObject } from './model.ts';
import { quoteForLine } from './quote.ts';
import { roleTitle } from './roles.ts';

/** One thing that is known, to be referred to by its id. */
export interface Evidence {
  id: string;
  kind: 'stall' | 'task' | 'message' | 'failed' | 'repeated' | 'blocker' | 'path' | 'queue' | 'deaths' | 'rollbacks' | 'tried' | 'past' | 'figure';
  text: string;
  /** True where the text holds what a model, a tool or a stranger wrote. */
  foreign: boolean;
}

/** Messages that are shown; the rules see more of them. */
const MESSAGES = 8;
const PAST = 10;

function item(kind: Evidence['kind'], id: string | number | null, text: string, foreign = false): Evidence {
  return { id: id === null ? kind : `${kind}:${id}`, kind, text: redactSecrets(text), foreign };
}

function clock(at: string): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`;
}

/** In one sentence what is seen, without a guess at why. */
export function describeStall({ stall, since, facts }: Pick<Case, 'stall' | 'since' | 'facts'>, now: Date): string {
  const task = focusOf(facts);
  const who = task ? roleTitle(task.role) : 'nobody';
  const long = humanDuration(now.getTime() - Date.parse(since));
  const sentences: Record<Stall, string> = {
    lost: `the worker of the task "${task?.title ?? ''}" (${who}) is gone for ${long}, and no other took it over`,
    silent: `a worker holds the task "${task?.title ?? ''}" (${who}) and has stored nothing for ${long}`,
    starved: `the task "${task?.title ?? ''}" (${who}) is ready for ${long}, and no worker takes it`,
    anomaly: `this run is far out of the usual of its kind (${describeParts(facts)})`,
  };
  return sentences[stall];
}

/** The figures of an anomaly that are beyond the bound. */
function highFigures({ anomaly }: Facts): { id: string; text: string }[] {
  return (anomaly?.evidence ?? []).filter(({ score }) => score >= ANOMALY_SCORE);
}

function describeParts(facts: Facts): string {
  const high = highFigures(facts).map(({ text }) => text);
  return high.join('; ') || (facts.anomaly?.cause ?? 'no figure');
}

function taskEvidence(facts: Facts): Evidence[] {
  const task = focusOf(facts);
  if (!task) return [];
  const { key, role, phase, state, attempts, max_attempts: max, due_at: due, error } = task;
  const lease = facts.lease ? `, leased since ${clock(facts.lease.since)} until ${clock(facts.lease.until)}` : '';
  const failure = error ? `; its last error: ${typeof error['code'] === 'string' ? error['code'] : 'unknown'}` : '';
  return [item('task', null, `"${key}" of the ${role} in the phase ${phase} is ${state}, attempt ${attempts} of ${max}, due ${clock(due)}${lease}${failure}`)];
}

function conversationEvidence({ conversation }: Facts): Evidence[] {
  if (!conversation) return [];
  const { messages, failed, repeated, rollbacks, last_seq: last, model_calls: calls } = conversation;
  const told = messages.slice(-MESSAGES).map(({ seq, kind, tool, is_error: isError, at, text }) => {
    const what = `${kind}${tool ? ` ${tool}` : ''}${isError ? ' (error)' : ''} at ${clock(at)}`;
    return item('message', seq, `${what}: ${text}`, true);
  });
  return [
    ...failed.map(({ seq, name, input, output }) => item('failed', seq, `${name} ${input ?? ''} failed: ${output ?? ''}`, true)),
    ...repeated.map(({ name, input, times, first_seq: from, last_seq: to }) =>
      item('repeated', from, `${name} was called ${times} times with the same input and the same answer, steps ${from} to ${to}: ${input ?? ''}`, true),
    ),
    ...(rollbacks.length > 0 ? [item('rollbacks', null, `rolled back ${rollbacks.length} times: ${rollbacks.map(({ reason }) => reason).join(', ')}`)] : []),
    ...told,
    item('path', 'conversation', `the conversation has ${last} steps and ${calls} model calls`),
  ];
}

/** What was tried elsewhere, what was tried against the same first. */
function pastEvidence({ past }: Facts, signature: string): Evidence[] {
  const same = past.filter((tried) => tried.signature === signature);
  const others = past.filter((tried) => tried.signature !== signature);
  return [...same, ...others]
    .slice(0, PAST)
    .map(({ action, outcome, signature: against, at }, index) =>
      item('past', index + 1, `${clock(at)}: ${action} against ${against ?? 'unknown'}${against === signature ? ' (the same as here)' : ''} ${outcome}`),
    );
}

function workEvidence(facts: Facts): Evidence[] {
  const { graph, queue, blockers, deaths, in_run: inRun } = facts;
  const path = graph.tasks.length > 0 ? criticalPath(graph).tasks.map(({ key, state }) => `${key} (${state})`) : [];
  return [
    ...blockers.map(({ task, before, state }) => item('blocker', `${task}<${before}`, `"${task}" comes after "${before}", which is ${state}`)),
    ...(path.length > 0 ? [item('path', null, `critical path: ${path.join(', ')}`)] : []),
    item('queue', null, `${queue.running} at work in the organization (limit ${queue.max_agents ?? 'none'}), ${queue.ready} ready`),
    ...(deaths ? [item('deaths', null, `${deaths.in_a_row} workers in a row ended over this task, the last at ${clock(deaths.last_at)}`)] : []),
    ...inRun.map(({ action, outcome, signature }, index) =>
      item('tried', index + 1, `in this run: ${action} against ${signature ?? 'unknown'}: ${outcome ?? 'no outcome yet'}`),
    ),
  ];
}

/** Everything that a hypothesis may rest on, what is seen first. */
export function gatherEvidence(given: Case, now: Date): Evidence[] {
  const { facts } = given;
  const figures = (facts.anomaly?.evidence ?? []).map(({ id, text }) => ({ id, kind: 'figure' as const, text, foreign: false }));
  const before = [...workEvidence(facts), ...pastEvidence(facts, signatureOf(given))];
  return [item('stall', null, describeStall(given, now)), ...figures, ...taskEvidence(facts), ...before, ...conversationEvidence(facts)];
}

/** As it is kept; `cited`: the hypothesis rests on it. */
export function toRecord(evidence: readonly Evidence[], refersTo: readonly string[]): JsonObject[] {
  return evidence.map(({ id, kind, text }) => ({ id, kind, text, cited: refersTo.includes(id) }));
}

const TELLING: readonly Evidence['kind'][] = ['stall', 'failed', 'repeated', 'blocker', 'deaths', 'tried'];

/** What the rules rest on. */
export function tellingEvidence(evidence: readonly Evidence[], facts: Facts): string[] {
  const high = highFigures(facts).map(({ id }) => id);
  return evidence.filter(({ id, kind }) => TELLING.includes(kind) || high.includes(id)).map(({ id }) => id);
}

/** Lines of a comment for people: a few, each short, nobody's Markdown but ours. */
export function evidenceLines(evidence: readonly Evidence[], ids: readonly string[]): string[] {
  return ids
    .flatMap((id) => evidence.find((known) => known.id === id) ?? [])
    .slice(0, 4)
    .map(({ text }) => `- ${quoteForLine(text)}`);
}
