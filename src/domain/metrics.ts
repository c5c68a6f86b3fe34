/** What the database tells a scrape: counters and histograms as they were added up, and gauges of this moment. */
export interface MetricsReading {
  schema_version: string;
  /** Upper bounds of every histogram, smallest first, `Infinity` last. */
  bounds: readonly string[];
  /** With `le`: what one bucket of a histogram has, without the smaller ones. Without: a counter, or the sum of a histogram. */
  totals: readonly { metric: string; labels: Labels; value: number | string; le?: string }[];
  gauges: readonly Sample[];
}

type Labels = Readonly<Record<string, string | number | null>>;

interface Sample {
  metric: string;
  labels: Labels;
  value: number | string;
}

interface Metric {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
}

const counter = (help: string): Metric => ({ type: 'counter', help });
const gauge = (help: string): Metric => ({ type: 'gauge', help });
const histogram = (help: string): Metric => ({ type: 'histogram', help });

/** Every metric that is served; the database tells what a name means by these names only. */
export const METRICS: Readonly<Record<string, Metric>> = {
  banyan_info: gauge('Always 1; the labels tell the version of Banyan and of its schema.'),
  banyan_queue_due: gauge('What a worker could take now, by queue.'),
  banyan_queue_oldest_due_seconds: gauge('For how long the oldest of it has been due; 0 where nothing is.'),
  banyan_given_up: gauge('Dead letters: what was given up and waits for a person.'),
  banyan_tasks: gauge('Open tasks by role and state; blocked: behind another task or a pause.'),
  banyan_runs: gauge('Open runs by state.'),
  banyan_tickets: gauge('Tickets that are neither done nor cancelled, by state.'),
  banyan_workers_busy: gauge('Workers that hold a task under a lease.'),
  banyan_organization_tasks_running: gauge('Tasks at work, of the fifty organizations with the most.'),
  banyan_agents: gauge('Agents of the registry by role and state.'),
  banyan_github_points_left: gauge("What is left of GitHub's points of this minute, of the fifty busiest installations."),
  banyan_github_creations_left: gauge("What is left of GitHub's creations of content, of this minute or this hour, whichever is less."),
  banyan_github_held_seconds: gauge('For how long GitHub has asked not to be asked; 0 where it has not.'),
  banyan_watch_last_run_timestamp_seconds: gauge('When the last run of a job ended.'),
  banyan_watch_last_run_age_seconds: gauge('How long ago that is.'),
  banyan_watch_last_run_ok: gauge('1 where the last run of a job could go on to its end, 0 where it failed as a whole.'),
  banyan_watch_marks_failing: gauge('Subjects at which looking failed the last time, by job.'),
  banyan_watch_findings: gauge('Subjects of which something is found, by job.'),
  banyan_deliveries_total: counter('Deliveries that were brought to an end, by event and result.'),
  banyan_delivery_seconds: histogram('From the receipt of a delivery to its end.'),
  banyan_tasks_total: counter('Times that a task came into a state, by role.'),
  banyan_task_seconds: histogram('From the first start of a task to its end, by role and state; waiting for people is part of it.'),
  banyan_task_wait_seconds: histogram('From the moment at which a task was due to its claim, by role.'),
  banyan_step_seconds: histogram('Duration of a step of a conversation, by role and kind (model, tool).'),
  banyan_model_calls_total: counter('Answers of models, by role and model.'),
  banyan_tool_calls_total: counter('Calls of tools, by role, tool and result.'),
  banyan_tokens_total: counter('Tokens by role, model and direction (in, out).'),
  banyan_cost_usd_total: counter('What models cost, in US dollars, by role and model.'),
  banyan_runs_total: counter('Runs that ended, by the state in which they did.'),
  banyan_run_seconds: histogram('From the start of a run to its end, by state.'),
  banyan_effects_total: counter('Effects on GitHub that were brought to an end, by kind and result.'),
  banyan_effect_seconds: histogram('From the wish for an effect to its end, by kind; of what was wanted once.'),
  banyan_effect_retries_total: counter('Tries of effects that failed and are made again, by kind.'),
  banyan_failures_total: counter('Failures of deliveries, tasks and effects by code, those that pass among them.'),
  banyan_worker_deaths_total: counter('Leases that ran out and were taken over, by kind of work.'),
  banyan_watch_runs_total: counter('Runs of the jobs of the cron, by job and result.'),
  banyan_watch_run_seconds: histogram('Duration of a run of a job.'),
  banyan_watch_looked_total: counter('Subjects that jobs looked at.'),
  banyan_watch_acted_total: counter('Subjects of which a job did something about what it found.'),
  banyan_watch_failed_total: counter('Looks that failed.'),
  banyan_watch_did_total: counter('What jobs did, by job and kind.'),
  banyan_watch_findings_total: counter('Findings, each when it was new, by job.'),
};

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => ESCAPES[character] ?? character);
}

function line(name: string, labels: Labels, value: number | string): string {
  const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escaped(String(label ?? ''))}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${Number(value)}`;
}

interface Observations {
  labels: Labels;
  sum: number | string;
  buckets: Map<string, number>;
}

/** Prometheus counts in each bucket what the smaller ones hold too. */
function histogramLines(name: string, totals: MetricsReading['totals'], bounds: readonly string[]): string[] {
  const series = new Map<string, Observations>();
  for (const { labels, value, le } of totals) {
    const key = JSON.stringify(labels);
    const observed = series.get(key) ?? { labels, sum: 0, buckets: new Map() };
    series.set(key, observed);
    if (le === undefined) observed.sum = value;
    else observed.buckets.set(le, Number(value));
  }
  return [...series.values()].flatMap(({ labels, sum, buckets }) => {
    let count = 0;
    const cumulative = bounds.map((bound) => {
      count += buckets.get(bound) ?? 0;
      return line(`${name}_bucket`, { ...labels, le: bound === 'Infinity' ? '+Inf' : bound }, count);
    });
    return [...cumulative, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, count)];
  });
}

/** In the text format of Prometheus. What nobody knows the meaning of is left out: an older function reads a newer schema. */
export function renderMetrics(reading: MetricsReading, version: string): string {
  const info: Sample = { metric: 'banyan_info', labels: { version, schema: reading.schema_version }, value: 1 };
  const gauges = [info, ...reading.gauges];
  const blocks = Object.entries(METRICS).map(([name, { type, help }]) => {
    const totals = reading.totals.filter(({ metric }) => metric === name);
    const samples = type === 'gauge' ? gauges.filter(({ metric }) => metric === name) : totals;
    const lines = type === 'histogram' ? histogramLines(name, totals, reading.bounds) : samples.map(({ metric, labels, value }) => line(metric, labels, value));
    return [`# HELP ${name} ${help.replaceAll('\\', '\\\\')}`, `# TYPE ${name} ${type}`, ...lines];
  });
  return `${blocks.flat().join('\n')}\n`;
}
