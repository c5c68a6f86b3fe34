import { refreshStatus, say, showState } from '../domain/effects.ts';
import type { TicketSnapshot } from '../domain/model.ts';
import { renderQuestions } from '../domain/status.ts';
import type { Finish } from './role.ts';
import type { TaskSession } from './session.ts';

/** Rounds of questions that a task has asked. */
export function roundsAsked(snapshot: TicketSnapshot, taskId: string): number {
  return Math.max(0, ...snapshot.questions.filter((question) => question.task_id === taskId).map((question) => question.round));
}

/** Questions to people as one wait: the ledger, the comment, the label and the status, in one decision. */
export function askPeople(session: TaskSession, snapshot: TicketSnapshot, questions: { body: string; assumption: string | null }[]): Finish {
  const round = roundsAsked(snapshot, session.task.id) + 1;
  const first = snapshot.questions.length + 1;
  const numbered = questions.map((question, index) => ({ number: first + index, ...question }));
  const who = snapshot.ticket.author;
  return {
    kind: 'wait',
    waitingFor: 'answers',
    waitingOn: who,
    intents: [
      { type: 'close_questions', state: 'withdrawn' },
      { type: 'ask', task_id: session.task.id, round, questions },
      { type: 'set_ticket', state: 'needs_clarification', waiting_for: 'answers', waiting_on: who, note: null },
      say(session.at, `questions/${session.task.id}/${round}`, 'questions', renderQuestions(who, numbered, session.disclosure)),
      showState(session.at, `${session.task.id}/${round}`, 'needs_clarification'),
      refreshStatus(session.at),
    ],
  };
}

/** A role asked in the middle of its work, by the tool `ask_human`: all that it asked in one turn. */
export function askedByRole(session: TaskSession, snapshot: TicketSnapshot, questions: readonly string[]): Finish {
  return askPeople(
    session,
    snapshot,
    questions.map((body) => ({ body, assumption: null })),
  );
}
