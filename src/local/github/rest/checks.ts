import { Fault, invalid, notFound } from '../core/fault.ts';
import { timestamp } from '../core/forge.ts';
import type { CheckRun, CheckSuite, JsonObject, Repository } from '../core/model.ts';
import { READ_CHECKS, WRITE_CHECKS } from '../core/needs.ts';
import type { Call, Reply, Route } from '../http/call.ts';
import { countedReply, created, listReply, numberParam, ok, param, repositoryRoute, scopeOf } from '../http/call.ts';
import { objectList, objectOf, oneOf, optionalInteger, optionalText, requiredText } from '../http/input.ts';
import { renderCheckRun, renderCheckSuite, suiteState } from '../render/checks.ts';
import { emit } from '../webhooks/emit.ts';

const STATUSES = ['queued', 'in_progress', 'completed', 'waiting', 'requested', 'pending'] as const;
const CONCLUSIONS = ['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'stale', 'timed_out'] as const;
const LEVELS = ['notice', 'warning', 'failure'] as const;
const MAX_ANNOTATIONS = 50;
const MAX_TEXT = 65_535;

export const checkRoutes: Route[] = [
  repositoryRoute({ method: 'POST', path: '/check-runs', need: WRITE_CHECKS }, create),
  repositoryRoute({ method: 'GET', path: '/check-runs/{id}', need: READ_CHECKS }, (call, repository) =>
    ok(renderCheckRun(call.forge, repository, runOf(call, repository))),
  ),
  repositoryRoute({ method: 'PATCH', path: '/check-runs/{id}', need: WRITE_CHECKS }, update),
  repositoryRoute({ method: 'GET', path: '/check-runs/{id}/annotations', need: READ_CHECKS }, (call, repository) =>
    listReply(call, runOf(call, repository).annotations, (annotation) => annotation),
  ),
  repositoryRoute({ method: 'POST', path: '/check-runs/{id}/rerequest', need: WRITE_CHECKS }, (call, repository) => {
    announce(call, repository, { run: runOf(call, repository), action: 'rerequested' });
    return created({});
  }),
  repositoryRoute({ method: 'POST', path: '/check-suites', need: WRITE_CHECKS }, (call, repository) => {
    const suite = suiteFor(call, repository, requiredText(call.body, 'head_sha', 'CheckSuite'));
    return created(renderCheckSuite(call.forge, repository, suite));
  }),
  repositoryRoute({ method: 'GET', path: '/check-suites/{id}', need: READ_CHECKS }, (call, repository) =>
    ok(renderCheckSuite(call.forge, repository, suiteOf(call, repository))),
  ),
  repositoryRoute({ method: 'GET', path: '/check-suites/{id}/check-runs', need: READ_CHECKS }, (call, repository) => {
    const { id } = suiteOf(call, repository);
    return listRuns(
      call,
      repository,
      repository.checkRuns.filter((run) => run.suiteId === id),
    );
  }),
  repositoryRoute({ method: 'GET', path: '/commits/{ref+}/check-runs', need: READ_CHECKS }, (call, repository) => {
    const sha = call.forge.git(repository).resolve(param(call, 'ref'));
    if (sha === undefined) throw new Fault(422, `No commit found for SHA: ${param(call, 'ref').slice(0, 100)}`);
    return listRuns(
      call,
      repository,
      repository.checkRuns.filter((run) => run.headSha === sha),
    );
  }),
  repositoryRoute({ method: 'GET', path: '/commits/{ref+}/check-suites', need: READ_CHECKS }, (call, repository) => {
    const sha = call.forge.git(repository).resolve(param(call, 'ref'));
    const suites = repository.checkSuites.filter((suite) => suite.headSha === sha);
    return countedReply(call, suites, { key: 'check_suites', render: (suite) => renderCheckSuite(call.forge, repository, suite) });
  }),
];

function runOf(call: Call, repository: Repository): CheckRun {
  const id = numberParam(call, 'id');
  const run = repository.checkRuns.find((candidate) => candidate.id === id);
  if (run === undefined) throw notFound();
  return run;
}

function suiteOf(call: Call, repository: Repository): CheckSuite {
  const id = numberParam(call, 'id');
  const suite = repository.checkSuites.find((candidate) => candidate.id === id);
  if (suite === undefined) throw notFound();
  return suite;
}

/** The App's suite of a commit, opened when it has none. */
function suiteFor(call: Call, repository: Repository, sha: string): CheckSuite {
  const git = call.forge.git(repository);
  if (git.commit(sha) === undefined) throw new Fault(422, `No commit found for SHA: ${sha.slice(0, 100)}`);
  const known = repository.checkSuites.find((suite) => suite.headSha === sha);
  if (known !== undefined) return known;
  const branch = [...git.refs.list('refs/heads/')].find(([, tip]) => tip === sha)?.[0].slice('refs/heads/'.length) ?? null;
  const now = timestamp();
  const suite: CheckSuite = { id: call.forge.store.nextId(), headSha: sha, headBranch: branch, createdAt: now, updatedAt: now };
  repository.checkSuites.push(suite);
  return suite;
}

/** The newest run of each name unless all are asked for; newest first. */
function listRuns(call: Call, repository: Repository, runs: CheckRun[]): Reply {
  const { query } = call;
  const newest = new Map(runs.map((run) => [run.name, run]));
  const base = query.get('filter') === 'all' ? runs : runs.filter((run) => newest.get(run.name) === run);
  const [name, status] = [query.get('check_name'), query.get('status')];
  const shown = base.filter((run) => (name === null || run.name === name) && (status === null || run.status === status)).reverse();
  return countedReply(call, shown, { key: 'check_runs', render: (run) => renderCheckRun(call.forge, repository, run) });
}

function announce(call: Call, repository: Repository, { run, action }: { run: CheckRun; action: string }): void {
  const { forge } = call;
  const suite = repository.checkSuites.find((candidate) => candidate.id === run.suiteId);
  const check = {
    ...renderCheckRun(forge, repository, run),
    check_suite: suite === undefined ? { id: run.suiteId } : renderCheckSuite(forge, repository, suite),
  };
  emit(forge, repository, { event: 'check_run', action, sender: scopeOf(call, repository).by, payload: { check_run: check } });
}

function create(call: Call, repository: Repository): Reply {
  const name = requiredText(call.body, 'name', 'CheckRun');
  const suite = suiteFor(call, repository, requiredText(call.body, 'head_sha', 'CheckRun'));
  const run: CheckRun = {
    id: call.forge.store.nextId(),
    suiteId: suite.id,
    name,
    headSha: suite.headSha,
    status: 'queued',
    conclusion: null,
    startedAt: timestamp(),
    completedAt: null,
    detailsUrl: null,
    externalId: '',
    title: null,
    summary: null,
    text: null,
    annotations: [],
  };
  apply(call, run);
  repository.checkRuns.push(run);
  announce(call, repository, { run, action: 'created' });
  if (run.status === 'completed') announceCompletion(call, repository, { run, suite });
  return created(renderCheckRun(call.forge, repository, run));
}

function update(call: Call, repository: Repository): Reply {
  const run = runOf(call, repository);
  const wasCompleted = run.status === 'completed';
  apply(call, run);
  const suite = repository.checkSuites.find((candidate) => candidate.id === run.suiteId);
  if (run.status === 'completed' && !wasCompleted && suite !== undefined) announceCompletion(call, repository, { run, suite });
  return ok(renderCheckRun(call.forge, repository, run));
}

function announceCompletion(call: Call, repository: Repository, { run, suite }: { run: CheckRun; suite: CheckSuite }): void {
  suite.updatedAt = timestamp();
  announce(call, repository, { run, action: 'completed' });
  if (suiteState(repository, suite).status !== 'completed') return;
  emit(call.forge, repository, {
    event: 'check_suite',
    action: 'completed',
    sender: scopeOf(call, repository).by,
    payload: { check_suite: renderCheckSuite(call.forge, repository, suite) },
  });
}

function apply(call: Call, run: CheckRun): void {
  const { body } = call;
  const conclusion = oneOf(body, 'conclusion', CONCLUSIONS);
  const status = conclusion === undefined ? oneOf(body, 'status', STATUSES) : 'completed';
  if (status === 'completed' && conclusion === undefined && run.conclusion === null)
    throw invalid({ resource: 'CheckRun', field: 'conclusion', code: 'missing_field' });
  const output = body.output === undefined ? undefined : readOutput(objectOf(body.output), run);
  run.name = optionalText(body, 'name') ?? run.name;
  if (status !== undefined && status !== 'completed') Object.assign(run, { conclusion: null, completedAt: null });
  run.status = status ?? run.status;
  run.conclusion = conclusion ?? run.conclusion;
  run.startedAt = optionalText(body, 'started_at') ?? run.startedAt;
  if (run.status === 'completed') run.completedAt = optionalText(body, 'completed_at') ?? run.completedAt ?? timestamp();
  run.detailsUrl = optionalText(body, 'details_url') ?? run.detailsUrl;
  run.externalId = optionalText(body, 'external_id') ?? run.externalId;
  if (output !== undefined) Object.assign(run, output);
}

/** Annotations add up over requests; the texts replace each other. */
function readOutput(output: JsonObject, run: CheckRun): Pick<CheckRun, 'title' | 'summary' | 'text' | 'annotations'> {
  const annotations = objectList(output.annotations, 'annotations');
  if (annotations.length > MAX_ANNOTATIONS) {
    throw new Fault(422, `Invalid request.\n\nNo more than ${MAX_ANNOTATIONS} items are allowed; ${annotations.length} were supplied.`);
  }
  const summary = requiredText(output, 'summary', 'CheckRun');
  const text = optionalText(output, 'text') ?? run.text;
  if (summary.length > MAX_TEXT || (text?.length ?? 0) > MAX_TEXT)
    throw invalid({ resource: 'CheckRun', field: 'summary', code: 'custom', message: `Only ${MAX_TEXT} characters are allowed` });
  return { title: optionalText(output, 'title') ?? run.title, summary, text, annotations: [...run.annotations, ...annotations.map(readAnnotation)] };
}

function readAnnotation(item: JsonObject): JsonObject {
  const startLine = optionalInteger(item, 'start_line');
  const endLine = optionalInteger(item, 'end_line');
  const level = oneOf(item, 'annotation_level', LEVELS);
  if (startLine === undefined || endLine === undefined || level === undefined || endLine < startLine) {
    throw new Fault(422, 'Invalid request.\n\n"start_line", "end_line" and "annotation_level" are needed, in order.');
  }
  return {
    path: requiredText(item, 'path', 'CheckAnnotation'),
    blob_href: '',
    start_line: startLine,
    end_line: endLine,
    start_column: optionalInteger(item, 'start_column') ?? null,
    end_column: optionalInteger(item, 'end_column') ?? null,
    annotation_level: level,
    title: optionalText(item, 'title') ?? null,
    message: requiredText(item, 'message', 'CheckAnnotation'),
    raw_details: optionalText(item, 'raw_details') ?? null,
  };
}
