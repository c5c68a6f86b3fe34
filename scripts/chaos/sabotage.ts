import { compare } from './compare.ts';
import type { SeenIssue, World } from './world.ts';

/*
 * A comparison that finds nothing proves something only where it would have found it. So each run bends what it saw in every one
 * of these ways, and the comparison has to notice.
 */

/** Changes a copy of the world; false where this world has nothing to change. */
type Bend = (world: World) => boolean;

function onIssue(has: (issue: SeenIssue) => boolean, change: (issue: SeenIssue) => void): Bend {
  return ({ issues }) => {
    const issue = issues.find(has);
    if (issue) change(issue);
    return issue !== undefined;
  };
}

/** Takes one out of a list, or puts one into it again. */
function onList<T>(list: (world: World) => T[], change: (list: T[]) => void): Bend {
  return (world) => {
    const found = list(world);
    if (found.length === 0) return false;
    change(found);
    return true;
  };
}

const again = (list: unknown[]): void => void list.push(...structuredClone(list.slice(0, 1)));
const gone = (list: unknown[]): void => void list.shift();

export const SABOTAGES: Record<string, Bend> = {
  'a comment posted twice': onIssue(
    ({ markers }) => markers.length > 0,
    ({ markers }) => again(markers),
  ),
  'a comment that is missing': onIssue(
    ({ markers }) => markers.length > 0,
    ({ markers }) => gone(markers),
  ),
  'a commit made twice': onIssue(
    ({ commits }) => commits.length > 0,
    ({ commits }) => again(commits),
  ),
  'a commit that is missing': onIssue(
    ({ commits }) => commits.length > 0,
    ({ commits }) => gone(commits),
  ),
  'a commit of a person that was written over': onIssue(
    ({ pushed }) => pushed.length > 0,
    ({ pushed }) => gone(pushed),
  ),
  'a second pull request': onIssue(
    ({ pulls }) => pulls.length > 0,
    ({ pulls }) => again(pulls),
  ),
  'a check made twice': onIssue(
    ({ checks }) => checks.length > 0,
    ({ checks }) => again(checks),
  ),
  'a check that never ends': onIssue(
    ({ checks }) => checks.length > 0,
    (issue) => (issue.checks = issue.checks.map((check) => ({ ...check, conclusion: 'in_progress' }))),
  ),
  'a review posted twice': onIssue(
    ({ reviews }) => reviews.length > 0,
    ({ reviews }) => again(reviews),
  ),
  'a wrong state': onIssue(
    () => true,
    (issue) => (issue.ticket = 'in_progress'),
  ),
  'a label left behind': onIssue(
    () => true,
    ({ labels }) => labels.push('in-qa'),
  ),
  'a task that was lost': onIssue(
    ({ tasks }) => tasks.length > 0,
    ({ tasks }) => gone(tasks),
  ),
  'a task left running': onList(
    ({ tasks }) => tasks,
    (tasks) => tasks.forEach((task) => (task.state = 'running')),
  ),
  'a lease left behind': onList(
    ({ tasks }) => tasks,
    (tasks) => tasks.forEach((task) => (task.leased = true)),
  ),
  'an effect that waits for ever': onList(
    ({ effects }) => effects,
    (effects) => effects.forEach((effect) => (effect.state = 'begun')),
  ),
  'a dead delivery': onList(
    ({ deliveries }) => deliveries,
    (deliveries) => deliveries.forEach((delivery) => (delivery.state = 'dead')),
  ),
  'a delivery that never came': onList(
    ({ deliveries }) => deliveries,
    (deliveries) => void deliveries.splice(0),
  ),
  'an answer paid for and not recorded': ({ answers, recorded }) => {
    const record = recorded.shift();
    for (const answer of answers) if (answer.tokensIn === record?.tokensIn) answer.excuse = null;
    return record !== undefined;
  },
  'an answer recorded twice': onList(({ recorded }) => recorded, again),
  'spend that nobody asked for': onList(
    ({ recorded }) => recorded,
    (recorded) => recorded.forEach((record) => (record.tokensIn += 1_000_000)),
  ),
  'a sum that is wrong': onList(
    ({ sums }) => sums,
    (sums) => sums.forEach((sum) => (sum.kept += 1)),
  ),
};

export interface Proof {
  tried: number;
  /** What was bent and not noticed. */
  unseen: string[];
}

/** Bends the world in every way that it can be bent, and asks whether the comparison then says something else. */
export function proveComparison(world: World): Proof {
  const before = JSON.stringify(compare(world));
  const tried = Object.entries(SABOTAGES).flatMap(([name, bend]) => {
    const copy = structuredClone(world);
    return bend(copy) ? [{ name, seen: JSON.stringify(compare(copy)) !== before }] : [];
  });
  return { tried: tried.length, unseen: tried.filter(({ seen }) => !seen).map(({ name }) => name) };
}
