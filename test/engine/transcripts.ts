import type { Watched } from '../e2e/watch.ts';
import { pullsOf } from '../e2e/watch.ts';
import type { Engine } from '../support/engine.ts';

interface Row {
  kind: string;
  tool_name: string | null;
  content: { data: { tool_calls?: { name: string }[]; additional_kwargs?: Record<string, unknown> } };
}

/** The newest conversation of a role in a repository, a word or two for each message: `ai write_file`, `tool write_file`. */
export async function transcriptOf(engine: Engine, repo: string, role: string): Promise<string[]> {
  const rows = await engine.sql<Row>(
    `select m.kind, m.tool_name, m.content from messages m where m.conversation_id = (
       select c.id from conversations c join tasks t on t.id = c.task_id join projects p on p.id = t.project_id
       where p.name = $1 and t.role = $2 order by t.id desc limit 1)
     order by m.seq`,
    [repo, role],
  );
  return rows.map(({ kind, tool_name: tool, content }) => {
    const names = tool ?? (content.data.tool_calls ?? []).map((call) => call.name).join(',');
    return `${kind} ${names}`.trim();
  });
}

export interface TaskRow {
  id: string;
  state: string;
  attempts: number;
  waiting_for: string | null;
  due_in: number;
  error: { code: string; message: string } | null;
}

/** The newest task of a role in a repository. */
export async function taskOf(engine: Engine, repo: string, role: string): Promise<TaskRow> {
  const [row] = await engine.sql<TaskRow>(
    `select t.id, t.state, t.attempts, t.waiting_for, extract(epoch from t.due_at - now())::float as due_in, t.error
     from tasks t join projects p on p.id = t.project_id where p.name = $1 and t.role = $2 order by t.id desc limit 1`,
    [repo, role],
  );
  if (!row) throw new Error(`no ${role} at work in ${repo}`);
  return row;
}

export async function runOf(
  engine: Engine,
  repo: string,
): Promise<{ id: string; state: string; spent_usd: number; warned: boolean; stop_reason: string | null }> {
  const [row] = await engine.sql<{ id: string; state: string; spent_usd: number; warned: boolean; stop_reason: string | null }>(
    `select r.id, r.state, r.spent_usd::float as spent_usd, r.warned_at is not null as warned, r.stop_reason
     from runs r join projects p on p.id = r.project_id where p.name = $1 order by r.id desc limit 1`,
    [repo],
  );
  if (!row) throw new Error(`no run in ${repo}`);
  return row;
}

/** Until people's words have reached a conversation. */
export function untilInputs(engine: Engine, repo: string, inputs: number): Promise<void> {
  return until(`${inputs} inputs in ${repo}`, async () => {
    const [row] = await engine.sql<{ inputs: number }>(
      `select count(*)::int as inputs from task_inputs i join tasks t on t.id = i.task_id join projects p on p.id = t.project_id where p.name = $1`,
      [repo],
    );
    return row?.inputs === inputs;
  });
}

/** A file at the head of the one pull request. */
export async function fileOn({ octokit, owner, repo, ...watched }: Watched, path: string): Promise<string> {
  const [pull] = await pullsOf({ octokit, owner, repo, ...watched });
  const { data } = await octokit.rest.repos.getContent({ owner, repo, path, ref: pull?.head.sha ?? '' });
  return Buffer.from('content' in data ? data.content : '', 'base64').toString();
}

export function greetingOn(watched: Watched): Promise<string> {
  return fileOn(watched, 'greeting.txt');
}

/** Waits for what another part of the same process is about to do; its own round trips are the waiting. */
export async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`waited for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
