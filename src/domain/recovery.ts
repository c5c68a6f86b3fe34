import { usd } from '../kernel/money.ts';
import { clockTime } from '../kernel/time.ts';
import { focusOf, signatureOf } from './diagnosis.ts';
import type { Case, Proposal } from './diagnosis.ts';
import { refreshStatus, say, showState } from './effects.ts';
import type { EffectScope } from './effects.ts';
import { describeStall, evidenceLines, toRecord } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import type { Intent } from './intents.ts';
import type { JsonObject, Task } from './model.ts';
import { enterPhase, giveUp } from './phases.ts';
import { quoteForLine } from './quote.ts';
import { roleTitle } from './roles.ts';
import type { Workflow } from './workflow.ts';

/** A diagnosis that is to be carried out. */
export interface Diagnosis {
  given: Case;
  proposal: Proposal;
  /** One or two sentences; a model's words are quoted wherever they are shown. */
  hypothesis: string;
  /** What it rests on. */
  refersTo: readonly string[];
  evidence: readonly Evidence[];
  /** The model that was asked; null where none was. */
  asked: Asked | null;
}

/** A model's answer. `refused` null: the diagnosis is its. */
export interface Asked {
  model: string;
  costUsd: number;
  tokensIn: number;
  tokensOut: number;
  durationMs: number;
  action: string | null;
  refused: string | null;
}

export interface RecoveryContext {
  at: EffectScope;
  workflow: Workflow;
  maxMinutes: number | null;
  now: Date;
}

interface Recovery {
  intents: Intent[];
  /** Of the task that is to bring the run on. */
  key: string | null;
  /** In a word, for the report of the job. */
  deed: string;
}

function isAtWork(task: Task | null): task is Task {
  return task?.state === 'running' || task?.state === 'pending';
}

/** The sentence in the status comment about what was done; nobody has to do anything, so nobody is called. */
function note(diagnosis: Diagnosis, { now, at }: RecoveryContext, what: string): Intent[] {
  const seen = describeStall(diagnosis.given, now);
  const text = `${seen.charAt(0).toUpperCase()}${seen.slice(1)}, so ${what} (${clockTime(now)} UTC).`;
  return [{ type: 'set_ticket', note: text }, refreshStatus(at)];
}

/** The one comment for people: what was found, what was done, what they can do. */
function comment(diagnosis: Diagnosis, { now, at }: RecoveryContext, words: { did: string; next: string }): Intent {
  const { given, evidence, refersTo, hypothesis, asked } = diagnosis;
  // What was tried is said in words, and what is seen before all.
  const shown = evidenceLines(
    evidence,
    refersTo.filter((id) => id !== 'stall' && !id.startsWith('tried:')),
  );
  const seen = given.stall === 'anomaly' ? 'this run is far out of the usual of its kind' : quoteForLine(describeStall(given, now));
  const guess = asked?.refused === null ? [`What I think: ${quoteForLine(hypothesis)}`] : [];
  const body = [`I found that ${seen}. ${words.did}`, ...guess, shown.join('\n'), words.next].filter(Boolean).join('\n\n');
  const { snapshot, in_run: inRun } = given.facts;
  return say(at, `diagnosis/${snapshot.run?.id ?? ''}/${inRun.length + 1}`, 'note', body);
}

function resume(diagnosis: Diagnosis, task: Task, step?: number): Intent {
  const { stall, facts } = diagnosis.given;
  const last = facts.conversation?.last_seq ?? 0;
  const directive = step === undefined ? null : { type: 'roll_back' as const, from_seq: step, at_seq: last, reason: diagnosis.hypothesis.slice(0, 600) };
  // A run that is only unusual goes on meanwhile; one that stands still must still stand still.
  return { type: 'recover_task', task_id: task.id, last_seq: stall === 'anomaly' ? null : last, directive };
}

/** Back to the analysis with what is known; the gates behind it are as they always are. */
function planAgain(diagnosis: Diagnosis, context: RecoveryContext): Recovery {
  const { given, proposal, hypothesis } = diagnosis;
  const { snapshot } = given.facts;
  const { workflow, at, maxMinutes } = context;
  const input: JsonObject = { from: 'diagnosis', action: proposal.action, hypothesis, seen: describeStall(given, context.now) };
  const phases = { at, workflow, tasks: snapshot.tasks, source: sourceOf(given), fixCycles: null, maxMinutes };
  const key = `${workflow.start}:${snapshot.tasks.filter(({ phase }) => phase === workflow.start).length + 1}`;
  const what = proposal.action === 'split' ? 'the Product Owner cuts the work into smaller parts' : 'the Product Owner plans it once more';
  const intents: Intent[] = [
    { type: 'cancel_tasks', reason: 'a diagnosis had the work planned again' },
    ...enterPhase(phases, workflow.start, { input }),
    ...note(diagnosis, context, what),
  ];
  return { intents, key, deed: proposal.action };
}

/** Makes effects of one diagnosis unique, and their repetition harmless. */
function sourceOf({ facts }: Case): string {
  return `diagnosis/${facts.snapshot.run?.id ?? ''}/${facts.in_run.length + 1}`;
}

/** Unusual but at work: held where it is, because all of it can go on. What waits for people already is only told; the rest needs a person. */
function askPerson(diagnosis: Diagnosis, context: RecoveryContext): Recovery {
  const { given } = diagnosis;
  const { ticket, run } = given.facts.snapshot;
  const { at } = context;
  if (ticket.waiting_for !== null) {
    const words = { did: 'Nothing is at work here, so I changed nothing.', next: `It waits for ${ticket.waiting_on ?? 'people'} as before.` };
    return { intents: [comment(diagnosis, context, words)], key: null, deed: 'told' };
  }
  if (given.stall === 'starved') {
    const words = {
      did: 'That is no fault of this issue: I changed nothing, and it goes on as soon as a worker takes it.',
      next: 'Whoever runs Banyan: `npx banyan doctor` says whether the cron and the workers run.',
    };
    return { intents: [comment(diagnosis, context, words)], key: null, deed: 'told' };
  }
  if (given.stall === 'anomaly' && isAtWork(focusOf(given.facts))) {
    const spent = run ? ` So far it has cost ${usd(run.spent_usd)} of ${usd(run.budget_usd)}.` : '';
    const words = {
      did: `I paused it.${spent}`,
      next: 'A maintainer: comment `/banyan resume` to let it go on where it is, or `/banyan stop` to end it.',
    };
    const pause: Intent[] = [{ type: 'set_run', state: 'paused', stop_reason: 'Paused by Banyan: the run is far out of the usual.' }];
    return { intents: [...pause, showState(at, sourceOf(given), 'paused'), refreshStatus(at), comment(diagnosis, context, words)], key: null, deed: 'paused' };
  }
  const seen = describeStall(given, context.now);
  const tried = given.facts.in_run.map(({ action }) => action).join(', ');
  const did = tried ? `I tried to mend it (${tried}) and stopped now.` : 'I stopped here.';
  const intents = giveUp({ at, source: sourceOf(given) }, 'diagnosis', `A person is needed: ${seen}.`);
  const words = { did, next: 'A maintainer: comment `/banyan retry` with a hint, or take over the branch.' };
  return { intents: [...intents, comment(diagnosis, context, words)], key: null, deed: 'asked' };
}

function stop(diagnosis: Diagnosis, context: RecoveryContext): Recovery {
  const { given, hypothesis, refersTo, evidence } = diagnosis;
  const { at, now } = context;
  const report: JsonObject = {
    stopped: describeStall(given, now),
    hypothesis,
    evidence: toRecord(
      evidence.filter(({ id }) => refersTo.includes(id)),
      refersTo,
    ),
  };
  const end = giveUp({ at, source: sourceOf(given) }, 'diagnosis', `Stopped: ${describeStall(given, now)}.`);
  const intents = end.map((intent): Intent => (intent.type === 'set_run' ? { ...intent, state: 'stopped_gate', report } : intent));
  const words = { did: 'I stopped the run.', next: 'A maintainer: comment `/banyan retry` with a hint to begin anew.' };
  return { intents: [...intents, comment(diagnosis, context, words)], key: null, deed: 'stopped' };
}

function carryOut(diagnosis: Diagnosis, context: RecoveryContext): Recovery {
  const { given, proposal } = diagnosis;
  const task = focusOf(given.facts);
  switch (proposal.action) {
    case 'split':
    case 're_plan':
      return planAgain(diagnosis, context);
    case 'stop':
      return stop(diagnosis, context);
    case 'retry':
    case 'roll_back':
    case 'change_model': {
      if (!isAtWork(task)) return askPerson(diagnosis, context);
      const { model, step } = proposal;
      const change: Intent[] = model && proposal.action === 'change_model' ? [{ type: 'set_model', role: task.role, model }] : [];
      const hows = {
        retry: 'I had the task begun again',
        roll_back: `the ${roleTitle(task.role)} goes some steps back and on from there`,
        change_model: `the ${roleTitle(task.role)} goes on with another model (\`${model ?? ''}\`)`,
      };
      const intents = [...change, resume(diagnosis, task, step), ...note(diagnosis, context, hows[proposal.action])];
      return { intents, key: task.key, deed: proposal.action };
    }
    case 'ask_person':
      return askPerson(diagnosis, context);
  }
}

function proposalOf({ action, refused, tokensIn, tokensOut, durationMs }: Asked): JsonObject {
  return { action, refused, tokens_in: tokensIn, tokens_out: tokensOut, duration_ms: durationMs };
}

/** The whole decision as intents: what is done, what people read, and the audit of why. */
export function recover(diagnosis: Diagnosis, context: RecoveryContext): { intents: Intent[]; deed: string } {
  const { given, proposal, hypothesis, refersTo, evidence, asked } = diagnosis;
  const { facts, stall } = given;
  const { intents, key, deed } = carryOut(diagnosis, context);
  const task = focusOf(facts);
  const data: JsonObject = { cause: stall, action: proposal.action, evidence: [...refersTo], model: asked?.refused === null ? asked.model : null };
  const audit: Intent[] = [
    ...(task ? [{ type: 'task_comment', task_id: task.id, kind: 'diagnosis', body: `${proposal.action}: ${hypothesis}`, data } as Intent] : []),
    {
      type: 'diagnosis',
      kind: stall === 'anomaly' ? 'anomaly' : 'stall',
      run_id: facts.snapshot.run?.id ?? '',
      task_id: task?.id ?? null,
      diagnosis_id: facts.anomaly?.id ?? null,
      cause: facts.anomaly?.cause ?? stall,
      score: facts.anomaly?.score ?? null,
      signature: signatureOf(given),
      evidence: toRecord(evidence, refersTo),
      blockers: facts.blockers,
      hypothesis,
      action: proposal.action,
      recovery_key: key,
      model: asked?.model ?? null,
      cost_usd: asked?.costUsd ?? 0,
      proposal: asked && proposalOf(asked),
    },
  ];
  return { intents: [...intents, ...audit], deed };
}
