import { taskEffectKey } from '../domain/effects.ts';
import type { TaskSession } from '../engine/session.ts';
import type { CheckReport } from '../github/checks.ts';
import { redactSecrets } from '../kernel/redact.ts';

/** The check run of a task on the head it judges: made once, and later completed once. */
export function startCheck(session: TaskSession, name: string, title: string): Promise<{ id: number }> {
  const { checks } = session.repository;
  const externalId = session.task.id;
  const headSha = session.state.revision;
  return session.ledger.once<{ id: number }>({
    key: taskEffectKey(session.task.id, 'check'),
    kind: 'check_run',
    payload: { name, head_sha: headSha },
    async find() {
      const found = await checks.find(name, headSha, externalId);
      return found ? { id: found.id } : null;
    },
    perform: () => checks.start({ name, headSha, externalId, title }),
  });
}

function redacted(report: CheckReport): CheckReport {
  return {
    ...report,
    summary: redactSecrets(report.summary),
    ...(report.text ? { text: redactSecrets(report.text) } : {}),
    annotations: report.annotations.map((annotation) => ({ ...annotation, message: redactSecrets(annotation.message) })),
  };
}

/** Ends a check whose task came to no verdict. */
export function abandonCheck(session: TaskSession, name: string, reason: string): Promise<void> {
  return completeCheck(session, name, { conclusion: 'cancelled', title: 'Not finished', summary: reason, annotations: [] });
}

export async function completeCheck(session: TaskSession, name: string, report: CheckReport): Promise<void> {
  const { checks } = session.repository;
  const { id } = await startCheck(session, name, report.title);
  await session.ledger.once({
    key: taskEffectKey(session.task.id, 'check/complete'),
    kind: 'check_run_completed',
    payload: { name, check_run_id: id, conclusion: report.conclusion },
    async find() {
      const found = await checks.find(name, session.state.revision, session.task.id);
      return found?.completed ? { id } : null;
    },
    async perform() {
      await checks.complete(id, redacted(report));
      return { id };
    },
  });
}
