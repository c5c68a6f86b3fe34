import type { Calls } from './calls.ts';

export interface Annotation {
  path: string;
  line: number;
  level: 'notice' | 'warning' | 'failure';
  message: string;
}

export interface CheckReport {
  conclusion: 'success' | 'failure' | 'neutral' | 'cancelled';
  title: string;
  summary: string;
  text?: string;
  annotations: Annotation[];
}

/** Check runs. `externalId` is our key in them. */
export interface Checks {
  start(check: { name: string; headSha: string; externalId: string; title: string }): Promise<{ id: number }>;
  complete(id: number, report: CheckReport): Promise<void>;
  find(name: string, headSha: string, externalId: string): Promise<{ id: number; completed: boolean } | null>;
}

/** GitHub takes 50 annotations a request and 65,535 characters a field. */
const ANNOTATIONS = 50;
const FIELD = 60_000;

export function createChecks({ octokit, owner, repo, ask }: Calls): Checks {
  const at = { owner, repo };
  return {
    async start({ name, headSha, externalId, title }) {
      const { data } = await ask(() =>
        octokit.rest.checks.create({ ...at, name, head_sha: headSha, external_id: externalId, status: 'in_progress', output: { title, summary: title } }),
      );
      return { id: data.id };
    },
    async complete(id, report) {
      const annotations = report.annotations.slice(0, ANNOTATIONS).map(({ path, line, level, message }) => ({
        path,
        start_line: line,
        end_line: line,
        annotation_level: level,
        message: message.slice(0, FIELD),
      }));
      const output = {
        title: report.title.slice(0, 250),
        summary: report.summary.slice(0, FIELD),
        annotations,
        ...(report.text ? { text: report.text.slice(0, FIELD) } : {}),
      };
      await ask(() => octokit.rest.checks.update({ ...at, check_run_id: id, status: 'completed', conclusion: report.conclusion, output }));
    },
    async find(name, headSha, externalId) {
      const { data } = await ask(() => octokit.rest.checks.listForRef({ ...at, ref: headSha, check_name: name, filter: 'all', per_page: 100 }));
      const found = data.check_runs.find((run) => run.external_id === externalId);
      return found ? { id: found.id, completed: found.status === 'completed' } : null;
    },
  };
}
