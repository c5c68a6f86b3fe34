import { BanyanError } from '../kernel/errors.ts';
import type { TaskState } from './model.ts';

export interface TaskNode {
  id: string;
  key: string;
  state: TaskState;
  /** What it took, where it has ended; else what it may take. */
  seconds: number;
}

/** A run's tasks, and which come after which. */
export interface TaskGraph {
  tasks: readonly TaskNode[];
  /** `[task, before]`: places in `tasks`; the first comes after the second. */
  edges: readonly (readonly [number, number])[];
}

export interface CriticalPath {
  /** From the first task to the last. */
  tasks: TaskNode[];
  seconds: number;
}

/** Places of the tasks, each after all that it comes after. Each task and each edge is looked at once. */
function inOrder({ tasks, edges }: TaskGraph): { order: number[]; followers: number[][] } {
  const followers: number[][] = tasks.map(() => []);
  const waitsFor = tasks.map(() => 0);
  for (const [task, before] of edges) {
    followers[before]?.push(task);
    waitsFor[task] = (waitsFor[task] ?? 0) + 1;
  }
  const order = tasks.flatMap((_, place) => (waitsFor[place] === 0 ? [place] : []));
  for (let next = 0; next < order.length; next += 1) {
    for (const follower of followers[order[next] ?? -1] ?? []) {
      const left = (waitsFor[follower] ?? 0) - 1;
      waitsFor[follower] = left;
      if (left === 0) order.push(follower);
    }
  }
  if (order.length < tasks.length) throw new BanyanError('internal', 'tasks come after each other in a circle', { retry: 'permanent' });
  return { order, followers };
}

/** The chain of tasks that takes longest: the run cannot end sooner, however many work on it. Empty for a run without tasks. */
export function criticalPath(graph: TaskGraph): CriticalPath {
  const { order, followers } = inOrder(graph);
  const secondsOf = (place: number) => graph.tasks[place]?.seconds ?? 0;
  const longest = graph.tasks.map(({ seconds }) => seconds);
  const before: (number | undefined)[] = graph.tasks.map(() => undefined);
  let last: number | undefined;
  for (const place of order) {
    const reached = longest[place] ?? 0;
    if (last === undefined || reached > (longest[last] ?? 0)) last = place;
    for (const follower of followers[place] ?? []) {
      const through = reached + secondsOf(follower);
      if (before[follower] !== undefined && through <= (longest[follower] ?? 0)) continue;
      longest[follower] = through;
      before[follower] = place;
    }
  }
  const tasks: TaskNode[] = [];
  for (let place = last; place !== undefined; place = before[place]) {
    const task = graph.tasks[place];
    if (task) tasks.unshift(task);
  }
  return { tasks, seconds: last === undefined ? 0 : (longest[last] ?? 0) };
}
