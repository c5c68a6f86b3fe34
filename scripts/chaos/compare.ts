import type { SeenIssue, World } from './world.ts';

export interface Finding {
  kind: 'lost' | 'doubled' | 'wrong';
  /** Null for what belongs to no issue. */
  issue: number | null;
  what: string;
  expected: string;
  found: string;
}

function countBy<T>(list: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of list) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

/** What is there more than once although its key is one thing's own. */
function twice(issue: number | null, what: string, keys: readonly string[]): Finding[] {
  return [...countBy(keys, (key) => key)]
    .filter(([, count]) => count > 1)
    .map(([key, count]) => ({ kind: 'doubled', issue, what: `${what} ${key}`, expected: '1', found: String(count) }));
}

/** Too few are lost, too many are doubled. */
function counted(issue: number, what: string, expected: number, found: number): Finding[] {
  if (expected === found) return [];
  return [{ kind: found < expected ? 'lost' : 'doubled', issue, what, expected: String(expected), found: String(found) }];
}

function same(issue: number, what: string, expected: string, found: string): Finding[] {
  return expected === found ? [] : [{ kind: 'wrong', issue, what, expected, found }];
}

function countedByName(issue: number, what: string, expected: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): Finding[] {
  const names = [...new Set([...expected.keys(), ...found.keys()])];
  return names.flatMap((name) => counted(issue, `${what} ${name}`, expected.get(name) ?? 0, found.get(name) ?? 0));
}

function kindOfMarker(marker: string): string {
  return /banyan:([^:]+):/.exec(marker)?.[1] ?? marker;
}

function compareIssue(seen: SeenIssue): Finding[] {
  const { number, expected } = seen;
  const checks = seen.checks.map(({ name, conclusion }) => `${name} ${conclusion}`);
  return [
    ...same(number, 'state of the ticket', expected.ticket, String(seen.ticket)),
    ...same(number, 'state of the run', String(expected.run), seen.runs.join(', ') || 'null'),
    ...same(number, 'label', expected.label ?? 'none', seen.labels.join(', ') || 'none'),
    ...same(number, 'issue', expected.open ? 'open' : 'closed', seen.open ? 'open' : 'closed'),
    ...same(number, 'tasks', expected.tasks.join(', '), seen.tasks.join(', ')),
    ...twice(number, 'comment', seen.markers),
    ...countedByName(number, 'comments', new Map(Object.entries(expected.comments)), countBy(seen.markers, kindOfMarker)),
    ...counted(number, 'comments of people', expected.said, seen.said),
    ...counted(number, 'pull requests', expected.pull === null ? 0 : 1, seen.pulls.length),
    ...(seen.pulls.length === 1 && expected.pull !== null ? same(number, 'pull request', expected.pull, seen.pulls.join()) : []),
    ...twice(number, 'commit', seen.commits),
    ...counted(number, 'commits', expected.commits, seen.commits.length),
    ...twice(number, 'commit of a person', seen.pushed),
    ...counted(number, 'commits of people', expected.pushed, seen.pushed.length),
    ...twice(
      number,
      'check',
      seen.checks.map(({ name, externalId }) => `${name} of ${externalId}`),
    ),
    ...countedByName(
      number,
      'check',
      countBy(expected.checks, (check) => check),
      countBy(checks, (check) => check),
    ),
    ...twice(number, 'review', seen.reviews),
    ...counted(number, 'reviews', expected.reviews, seen.reviews.length),
  ];
}

const SETTLED_TASK = ['completed', 'waiting', 'failed', 'cancelled'];

function compareQueues({ tasks, effects, deliveries, sent }: World): Finding[] {
  const wrong = (what: string, expected: string, found: string): Finding => ({ kind: 'wrong', issue: null, what, expected, found });
  const stored = new Set(deliveries.map(({ guid }) => guid));
  return [
    ...tasks
      .filter(({ state }) => !SETTLED_TASK.includes(state))
      .map((task): Finding => ({ ...wrong(`task ${task.phase} (${task.id})`, 'settled', task.state), issue: task.issue })),
    ...tasks
      .filter(({ leased }) => leased)
      .map((task): Finding => ({ ...wrong(`lease of task ${task.phase} (${task.id})`, 'none', 'held'), issue: task.issue })),
    ...effects.filter(({ state }) => state !== 'settled').map(({ key, state }) => wrong(`effect ${key}`, 'settled', state)),
    ...effects.filter(({ leased }) => leased).map(({ key }) => wrong(`lease of effect ${key}`, 'none', 'held')),
    ...deliveries.filter(({ state }) => state !== 'processed').map(({ guid, state }) => wrong(`delivery ${guid}`, 'processed', state)),
    ...deliveries.filter(({ leased }) => leased).map(({ guid }) => wrong(`lease of delivery ${guid}`, 'none', 'held')),
    ...sent
      .filter((guid) => !stored.has(guid))
      .map((guid): Finding => ({ kind: 'lost', issue: null, what: `delivery ${guid}`, expected: 'stored', found: 'nothing' })),
  ];
}

/** Each answer that was paid for is recorded once; one that is not recorded has been struck, or it is lost. */
function compareSpend({ answers, recorded, sums }: World): Finding[] {
  const records = countBy(recorded, ({ task, tokensIn }) => `${task}/${tokensIn}`);
  const given = new Set(answers.map(({ task, tokensIn }) => `${task}/${tokensIn}`));
  const unpaid = [...records.keys()].filter((key) => !given.has(key));
  return [
    ...answers
      .filter(({ task, tokensIn, excuse }) => !records.has(`${task}/${tokensIn}`) && excuse === null)
      .map((answer): Finding => ({
        kind: 'lost',
        issue: null,
        what: `answer ${answer.tokensIn} to task ${answer.task}`,
        expected: 'recorded',
        found: 'nothing',
      })),
    ...[...records]
      .filter(([, count]) => count > 1)
      .map(([key, count]): Finding => ({ kind: 'doubled', issue: null, what: `record of answer ${key}`, expected: '1', found: String(count) })),
    ...unpaid.map((key): Finding => ({ kind: 'wrong', issue: null, what: `record of answer ${key}`, expected: 'an answer of the model', found: 'none' })),
    ...sums
      .filter(({ kept, counted: sum }) => Math.abs(kept - sum) > 1e-6)
      .map(({ what, kept, counted: sum }): Finding => ({ kind: 'wrong', issue: null, what, expected: String(sum), found: String(kept) })),
  ];
}

/** Everything that is not as it must be. */
export function compare(world: World): Finding[] {
  return [...world.issues.flatMap(compareIssue), ...compareQueues(world), ...compareSpend(world)];
}
