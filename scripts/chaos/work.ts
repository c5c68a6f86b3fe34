import type { Sparing } from './injector.ts';
import type { Rows } from './rows.ts';

interface Tried {
  state: string;
  attempts: number;
}

interface OpenTask extends Tried {
  id: string;
  run_id: string;
  max_attempts: number;
}

type WorkKind = 'task' | 'delivery' | 'effect';

interface Piece {
  kind: WorkKind;
  key: string;
  /** When it last came further. */
  movedAt: number;
}

/*
 * What Banyan gives up by design must not be driven there by the run: a task has five tries, a delivery ten, an effect twelve, and what was
 * held by three workers in a row when they ended is set aside. So faults wait while somebody is close to that.
 */
const TRIES_LEFT = 2;
const MANY_TRIES = 5;
/** With three of them it is set aside, and one may be under way that nobody has noticed yet. */
const ENDS = { task: 1, delivery: 2, effect: 2 };

async function isSuspected(rows: Rows, { kind, key, movedAt }: Piece): Promise<boolean> {
  const deaths = await rows.deaths(kind, key);
  return deaths !== null && deaths.in_a_row >= ENDS[kind] && new Date(deaths.last_at).getTime() > movedAt;
}

async function isAnySuspected(rows: Rows, pieces: readonly Piece[]): Promise<boolean> {
  return (await Promise.all(pieces.map((piece) => isSuspected(rows, piece)))).includes(true);
}

/** What is still to be done, and who is to be spared. */
export async function lookAtWork(rows: Rows): Promise<{ busy: number; sparing: Sparing }> {
  const [tasks, runs, deliveries, effects, conversations] = await Promise.all([
    rows.all<OpenTask>('tasks', 'id, run_id, state, attempts, max_attempts'),
    rows.all<{ id: string; state: string }>('runs', 'id, state'),
    rows.all<Tried & { guid: string }>('deliveries', 'guid, state, attempts'),
    rows.all<Tried & { key: string }>('effects', 'key, state, attempts'),
    rows.all<{ task_id: string; updated_at: string | Date }>('conversations', 'task_id, updated_at'),
  ]);
  const live = new Set(runs.filter(({ state }) => ['queued', 'running'].includes(state)).map(({ id }) => id));
  const open = tasks.filter((task) => ['pending', 'running'].includes(task.state) && live.has(task.run_id));
  const waiting = deliveries.filter(({ state }) => state === 'pending');
  const wanted = effects.filter(({ state }) => state === 'pending' || state === 'begun');
  const moved = new Map(conversations.map((row) => [row.task_id, new Date(row.updated_at).getTime()]));
  const again = <T extends Tried>(list: T[]) => list.filter(({ attempts }) => attempts > 1);
  const pieces = [
    ...open.map(({ id }): Piece => ({ kind: 'task', key: id, movedAt: moved.get(id) ?? 0 })),
    ...again(waiting).map(({ guid }): Piece => ({ kind: 'delivery', key: guid, movedAt: 0 })),
    ...again(wanted).map(({ key }): Piece => ({ kind: 'effect', key, movedAt: 0 })),
  ];
  return {
    busy: open.length + waiting.length + wanted.length,
    sparing: {
      tries: open.some((task) => task.max_attempts - task.attempts <= TRIES_LEFT) || [...waiting, ...wanted].some(({ attempts }) => attempts > MANY_TRIES),
      lives: await isAnySuspected(rows, pieces),
    },
  };
}
