import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Octokit } from '@octokit/rest';
import { compare } from './compare.ts';
import type { Finding } from './compare.ts';
import type { DatabaseKind } from './database.ts';
import { createInjector } from './injector.ts';
import type { Injected, Injector } from './injector.ts';
import type { Play } from './model.ts';
import { observe } from './observe.ts';
import type { OpenedIssue } from './observe.ts';
import { createPerson } from './people.ts';
import { makePlan } from './plan.ts';
import type { Family, Fault } from './plan.ts';
import { randomOf } from './random.ts';
import { proveComparison } from './sabotage.ts';
import type { Proof } from './sabotage.ts';
import { castOf, plainScenario, REPOSITORY_FILES } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { lookAtWork } from './work.ts';
import type { World } from './world.ts';

export interface RunOptions {
  seed: number;
  issues: number;
  minutes: number;
  database: DatabaseKind;
  families: readonly Family[];
}

export interface RunReport {
  options: RunOptions;
  seconds: number;
  findings: Finding[];
  /** What somebody waited for in vain. */
  stuck: string[];
  injected: readonly Injected[];
  missed: Fault[];
  /** What every run has to have met, and this one did not. */
  owed: string[];
  world: World;
  /** Whether the comparison sees what it is there to see, on this very world. */
  proof: Proof;
  /** Where the logs of this run lie. */
  dataDir: string;
}

const AT = { owner: 'acme', repo: 'parts' };
/** On average one issue is opened in so long: workers end one after the other, and a run must last until all have. */
const BETWEEN_ISSUES_MS = 4_000;
/** Issues that are opened beyond those asked for, one after the other, while a fault that every run has to meet found no chance. */
const MOST_EXTRA = 15;
const LOOK_MS = 250;
/** Nothing to do at so many looks in a row: everything has ended. Looks, not seconds: on a machine that stands still for a while, seconds pass unseen. */
const QUIET_LOOKS = 8;
/** And so many times people look at GitHub without seeing what they wait for, while nobody is at work on it. */
const PATIENT_LOOKS = 80;

async function makeRepository(octokit: Octokit): Promise<void> {
  await octokit.rest.repos.createInOrg({ org: AT.owner, name: AT.repo, auto_init: true });
  for (const [path, content] of Object.entries(REPOSITORY_FILES)) {
    await octokit.rest.repos.createOrUpdateFileContents({ ...AT, path, message: `add ${path}`, content: Buffer.from(content).toString('base64') });
  }
}

/** Opens one issue and plays the people around it. */
class Issue {
  readonly #release = Promise.withResolvers<void>();
  readonly scenario: Scenario;
  number = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  get play(): Play {
    const { script, holds } = this.scenario;
    return { script, hold: holds && { ...holds, until: this.#release.promise } };
  }

  async live(stage: Stage, over: AbortSignal, opened: (issue: Issue) => void): Promise<void> {
    const { title, by, labels } = this.scenario.issue;
    try {
      const { data } = await stage.github(by).rest.issues.create({ ...AT, title, body: 'Please.', ...(labels ? { labels } : {}) });
      this.number = data.number;
      opened(this);
      await this.scenario.people(createPerson({ octokit: stage.github('maintainer'), at: AT, over }, this.number, () => this.#release.resolve()));
    } finally {
      this.#release.resolve();
    }
  }
}

/** Who plays which issue; whoever asks too early waits. */
function createCast() {
  const known = new Map<number, PromiseWithResolvers<Play>>();
  const entry = (issue: number) => {
    const found = known.get(issue) ?? Promise.withResolvers<Play>();
    known.set(issue, found);
    return found;
  };
  return { of: (issue: number) => entry(issue).promise, opened: (issue: Issue) => entry(issue.number).resolve(issue.play) };
}

/** Watches over tries until everybody has done their part and nothing is left to do. @returns what it is that never came to an end, or null */
async function untilQuiet(
  stage: Stage,
  context: { injector: Injector; allOpened: () => boolean; peopleDone: () => boolean; over: AbortSignal },
): Promise<string | null> {
  let quietLooks = 0;
  while (!context.over.aborted) {
    const { busy, sparing } = await lookAtWork(stage.database.rows);
    context.injector.spare(sparing);
    const quiet =
      context.allOpened() && busy === 0 && (await stage.isIdle()) && stage.webhooks.underWay() === 0 && !stage.database.line.isCut() && everythingStored(stage);
    quietLooks = quiet ? quietLooks + 1 : 0;
    if (context.peopleDone() && quietLooks > QUIET_LOOKS) return null;
    if (quietLooks > PATIENT_LOOKS) return 'nothing is left to be done, and people still wait';
    await sleep(LOOK_MS);
  }
  return 'the time was over before the work was';
}

function everythingStored(stage: Stage): boolean {
  return [...stage.webhooks.sent()].every((guid) => stage.webhooks.taken().has(guid));
}

async function play(stage: Stage, options: RunOptions, parts: { injector: Injector; issues: Issue[]; opened: (issue: Issue) => void }): Promise<string[]> {
  const over = new AbortController();
  const limit = setTimeout(() => over.abort(), options.minutes * 60_000);
  const stuck: string[] = [];
  const random = randomOf(options.seed, 'people');
  await makeRepository(stage.github('maintainer'));
  let done = 0;
  const begin = (issue: Issue, wait: number) =>
    void sleep(wait)
      .then(() => issue.live(stage, over.signal, parts.opened))
      .catch((error: unknown) => stuck.push(`${issue.scenario.name}: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => (done += 1));
  for (const issue of parts.issues) begin(issue, random.int(0, BETWEEN_ISSUES_MS * parts.issues.length));
  const rest = {
    injector: parts.injector,
    allOpened: () => parts.issues.every(({ number }) => number > 0),
    peopleDone: () => done === parts.issues.length,
    over: over.signal,
  };
  let never = await untilQuiet(stage, rest);
  while (never === null && parts.injector.owed().length > 0 && parts.issues.length < options.issues + MOST_EXTRA) {
    const another = new Issue(plainScenario(parts.issues.length + 1));
    parts.issues.push(another);
    begin(another, 0);
    never = await untilQuiet(stage, rest);
  }
  clearTimeout(limit);
  over.abort();
  while (done < parts.issues.length) await sleep(LOOK_MS);
  return never === null ? stuck : [never, ...stuck];
}

/** One run from an empty database to the comparison. */
export async function runOnce(options: RunOptions): Promise<RunReport> {
  const started = Date.now();
  const dataDir = await mkdtemp(join(tmpdir(), 'banyan-chaos-'));
  const injector = createInjector(makePlan(options));
  const cast = createCast();
  const issues = castOf(options.issues).map((scenario) => new Issue(scenario));
  const stage = await openStage({ seed: options.seed, database: options.database, injector, dataDir, cast: (_repository, issue) => cast.of(issue) });
  try {
    const stuck = await play(stage, options, { injector, issues, opened: cast.opened });
    const { database, model, webhooks, workers, cuts } = stage;
    const opened = issues.filter(({ number }) => number > 0).map(({ number, scenario }): OpenedIssue => ({ number, scenario }));
    const world = await observe({
      rows: database.rows,
      octokit: stage.github('maintainer'),
      at: AT,
      issues: opened,
      sent: webhooks.sent(),
      given: model.given(),
      deaths: workers.deaths(),
      cuts,
    });
    return {
      options,
      seconds: Math.round((Date.now() - started) / 1000),
      findings: compare(world),
      stuck,
      injected: injector.injected(),
      missed: injector.missed(),
      owed: injector.owed(),
      world,
      proof: proveComparison(world),
      dataDir,
    };
  } finally {
    await stage.stop();
  }
}
