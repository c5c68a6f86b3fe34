import { randomUUID } from 'node:crypto';
import { underLease } from '../github/lease-guard.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { ClaimedTask, Claims, NextTasks, StepGate } from '../store/contract.ts';
import type { ClaimedEffect, NextEffect } from '../store/effect-contract.ts';
import { mayWork } from './conversation.ts';
import { createInbox } from './inbox.ts';
import type { Inbox } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import type { Outbox } from './outbox.ts';
import type { EngineParts } from './parts.ts';
import { createRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { createSuspects } from './suspects.ts';
import { TaskRunner } from './tasks.ts';

/*
 * A worker in words: claim what is due, work on it side by side, claim again whenever something ends or a nudge comes; end
 * when nothing is due or the time is nearly up. A task that ends brings the next one with it in the same call, an effect the next one of its lane;
 * an effect that is done leaves nothing to claim. Leases are renewed while work goes on. A worker that is killed leaves leases that run out, and the
 * next worker takes what they held.
 *
 * One process has one worker: a nudge that finds it at work with time left wakes it instead of starting a second one, so
 * that `settings.tasks` bounds the process.
 */

/** Small work that is claimed at once besides tasks. */
const BATCH = 16;
/** A due moment this close is waited for: a debounced answer should not need the next tick. */
const LINGER_MS = 5_000;

export interface WorkerReport {
  deliveries: number;
  effects: number;
  tasks: number;
  /** True where the time was up before the work was. */
  more: boolean;
}

export interface Worker {
  /**
   * Works until nothing is due, or joins the drain that is under way in this process.
   * @param deadline milliseconds since the epoch by which everything must have been handed back
   */
  drain(deadline: number): Promise<WorkerReport>;
}

/** A drain with less time than this left is not relied upon: the nudge starts another. */
const JOIN_MS = 60_000;
const JOINED: WorkerReport = { deliveries: 0, effects: 0, tasks: 0, more: false };

interface Hands {
  inbox: Inbox;
  outbox: Outbox;
  tasks: TaskRunner;
  registry: Registry;
}

/** Until when a lease holds at least, by this process's own clock (`performance.now()`): counted from before the call that took it. */
interface Lease {
  until: number;
}

interface HeldTask extends Lease {
  /** Ends everything, a model call too. */
  stop: AbortController;
  /** Ends what can be begun again at no cost: commands. A model call may finish: it is paid for. */
  pause: AbortController;
  /** Why, as the database said it. */
  gate: StepGate | null;
}

interface Held {
  tasks: Map<string, HeldTask>;
  effects: Map<string, Lease>;
  deliveries: Map<string, Lease>;
}

/** Milliseconds before the deadline in which no further step is begun, so that the last one can end and be stored. */
const MARGIN_MS = 10_000;

/** How often the tasks at work are looked at, whatever the length of a lease: a pause or a stop takes effect within seconds. */
const LOOK_MS = 2_000;
/** A model call that is under way when its task is cancelled may end for so long: what it answers is paid for, and counted. */
const GRACE_MS = 5_000;

/** One drain: what it holds, what is under way, and what it did. */
class Drain {
  readonly #parts: EngineParts;
  readonly #hands: Hands;
  readonly #name = `worker-${randomUUID()}`;
  readonly #held: Held = { tasks: new Map(), effects: new Map(), deliveries: new Map() };
  readonly #active = new Set<Promise<void>>();
  /** What is being written down about this worker: one after the other, beside the work. */
  #registered: Promise<void> = Promise.resolve();
  #isLooking = false;
  /** The last claim brought as many effects as it may: those that are older than the next one of a lane come first. */
  #crowded = false;
  readonly #report: WorkerReport = { deliveries: 0, effects: 0, tasks: 0, more: false };
  readonly bell = createBell();
  readonly lastStep: number;

  constructor(parts: EngineParts, hands: Hands, deadline: number) {
    this.#parts = parts;
    this.#hands = hands;
    this.lastStep = deadline - MARGIN_MS;
  }

  async run(): Promise<WorkerReport> {
    const { log, settings } = this.#parts;
    const renewal = setInterval(
      () => void this.#renew().catch((error: unknown) => log.warn({ err: toBanyanError(error) }, 'leases could not be renewed')),
      (settings.leaseSeconds * 1000) / 3,
    );
    const looking = setInterval(
      () => void this.#look().catch((error: unknown) => log.warn({ err: toBanyanError(error) }, 'the tasks at work could not be looked at')),
      LOOK_MS,
    );
    try {
      while (Date.now() < this.lastStep) {
        const asked = performance.now();
        const claims = await this.#claim();
        this.#begin(claims, asked);
        const found = claims.deliveries.length + claims.effects.length + claims.tasks.length;
        const soon = claims.next_due_ms !== null && claims.next_due_ms <= LINGER_MS ? claims.next_due_ms : null;
        // A nudge that came while the claim was under way may be about what the claim did not see yet.
        if (found === 0 && this.#active.size === 0 && soon === null && !this.bell.rung()) return this.#report;
        await this.bell.wait(soon);
      }
      this.#report.more = true;
      return this.#report;
    } finally {
      // What ends may still bring a next one.
      while (this.#active.size > 0) await Promise.allSettled(this.#active);
      clearInterval(renewal);
      clearInterval(looking);
      await Promise.all([this.#parts.github.giveBack(), this.#registered.then(() => this.#hands.registry.left(this.#name))]);
    }
  }

  #claim(): Promise<Claims> {
    const { settings, store } = this.#parts;
    const tasks = Math.max(0, settings.tasks - this.#held.tasks.size);
    return store.claim(this.#name, { deliveries: BATCH, effects: BATCH, tasks, leaseSeconds: settings.leaseSeconds });
  }

  #begin(claims: Claims, asked: number): void {
    const { inbox } = this.#hands;
    for (const delivery of claims.deliveries) {
      const lease = this.#leaseFrom(asked);
      this.#held.deliveries.set(delivery.guid, lease);
      const work = this.#underLease(lease, () => inbox.handle(this.#name, delivery));
      this.#track(work, { release: () => this.#held.deliveries.delete(delivery.guid) });
    }
    this.#crowded = claims.effects.length === BATCH;
    for (const effect of claims.effects) this.#track(this.#performLane(effect, asked), { wakes: false });
    this.#beginTasks(claims.tasks, asked);
    this.#report.deliveries += claims.deliveries.length;
    this.#report.effects += claims.effects.length;
  }

  #leaseFrom(asked: number): Lease {
    return { until: asked + this.#parts.settings.leaseSeconds * 1000 };
  }

  #underLease<T>(lease: Lease, work: () => Promise<T>): Promise<T> {
    return underLease(() => performance.now() < lease.until, work);
  }

  #beginTasks(claimed: readonly ClaimedTask[], asked = performance.now()): void {
    if (claimed.length > 0) this.#registered = this.#registered.then(() => this.#hands.registry.seen(this.#name, claimed));
    for (const each of claimed) this.#beginTask(each, asked);
    this.#report.tasks += claimed.length;
  }

  /** One effect, and those of its lane that come with the end of the one before. */
  async #performLane(first: ClaimedEffect, asked: number): Promise<void> {
    let since = asked;
    for (let effect: ClaimedEffect | null = first; effect;) {
      const current: ClaimedEffect = effect;
      const lease = this.#leaseFrom(since);
      this.#held.effects.set(current.key, lease);
      try {
        const done = await this.#underLease(lease, () => this.#hands.outbox.perform(this.#name, current, this.#nextOfLane()));
        if (done.again || this.#crowded) this.bell.ring();
        if (done.next) this.#report.effects += 1;
        effect = done.next;
        since = done.asked;
      } finally {
        this.#held.effects.delete(current.key);
      }
    }
  }

  #nextOfLane(): NextEffect | null {
    return Date.now() < this.lastStep && !this.#crowded ? { leaseSeconds: this.#parts.settings.leaseSeconds } : null;
  }

  #beginTask(claimed: ClaimedTask, asked: number): void {
    const { id } = claimed.task;
    const held: HeldTask = { ...this.#leaseFrom(asked), stop: new AbortController(), pause: new AbortController(), gate: null };
    const timer = setTimeout(() => held.stop.abort(), Math.max(0, this.lastStep - Date.now()));
    this.#held.tasks.set(id, held);
    const work = this.#underLease(held, () =>
      this.#hands.tasks.run(claimed, {
        worker: this.#name,
        stop: held.stop.signal,
        signal: AbortSignal.any([held.stop.signal, held.pause.signal]),
        halted: () => held.gate,
        deadline: this.lastStep,
        wake: () => this.bell.ring(),
        next: { want: () => this.#oneMore(), begin: (next) => this.#beginTasks(next) },
      }),
    );
    const release = (): void => {
      clearTimeout(timer);
      this.#held.tasks.delete(id);
    };
    this.#track(work, { release });
  }

  /** A task that ends leaves its place to the next one, as long as there is time for it. */
  #oneMore(): NextTasks {
    return { tasks: Date.now() < this.lastStep ? 1 : 0, leaseSeconds: this.#parts.settings.leaseSeconds };
  }

  /** @param wakes whether the end of it may have left something to claim; the last end always wakes, so that the drain can end */
  #track(work: Promise<void>, { wakes = true, release = () => undefined }: { wakes?: boolean; release?: () => void }): void {
    const { log } = this.#parts;
    let failed = false;
    const tracked: Promise<void> = work
      .catch((error: unknown) => {
        failed = true;
        log.error({ err: toBanyanError(error) }, 'work could not be stored; its lease will run out');
      })
      .finally(() => {
        release();
        this.#active.delete(tracked);
        if (wakes || failed || this.#active.size === 0) this.bell.ring();
      });
    this.#active.add(tracked);
  }

  async #renew(): Promise<void> {
    const { tasks, effects, deliveries } = this.#held;
    const ids = { tasks: [...tasks.keys()], effects: [...effects.keys()], deliveries: [...deliveries.keys()] };
    if (ids.tasks.length + ids.effects.length + ids.deliveries.length === 0) return;
    const { until } = this.#leaseFrom(performance.now());
    const renewed = await this.#parts.store.renew(this.#name, ids, this.#parts.settings.leaseSeconds);
    const ours = ids.tasks.filter((id) => renewed.tasks[id] !== undefined && renewed.tasks[id].status !== 'lost');
    const leases = [
      ...ours.map((id) => tasks.get(id)),
      ...renewed.effects.map((key) => effects.get(key)),
      ...renewed.deliveries.map((guid) => deliveries.get(guid)),
    ];
    for (const lease of leases) if (lease) lease.until = until;
    this.#obey(ids.tasks, renewed.tasks);
  }

  /** One call for all tasks; nothing where there are none, or the last look is not back yet. */
  async #look(): Promise<void> {
    const ids = [...this.#held.tasks.keys()];
    if (ids.length === 0 || this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#obey(ids, await this.#parts.store.look(this.#name, ids));
    } finally {
      this.#isLooking = false;
    }
  }

  #obey(ids: readonly string[], gates: Record<string, StepGate>): void {
    for (const id of ids) {
      const held = this.#held.tasks.get(id);
      const gate = gates[id];
      if (!held || held.gate !== null || (gate && mayWork(gate))) continue;
      held.gate = gate ?? null;
      held.pause.abort();
      if (!gate || gate.status === 'lost') held.stop.abort();
      else if (gate.run_state !== 'paused' || gate.status === 'cancelled') setTimeout(() => held.stop.abort(), GRACE_MS).unref();
    }
  }
}

export function createWorker(parts: EngineParts): Worker {
  const suspects = createSuspects(parts.store);
  const hands: Hands = {
    inbox: createInbox(parts, suspects),
    outbox: createOutbox(parts, suspects),
    tasks: new TaskRunner(parts, suspects),
    registry: createRegistry(parts),
  };
  let current: Drain | undefined;
  return {
    async drain(deadline) {
      if (current && current.lastStep - Date.now() > JOIN_MS) {
        current.bell.ring();
        return JOINED;
      }
      const mine = new Drain(parts, hands, deadline);
      current = mine;
      try {
        return await mine.run();
      } finally {
        if (current === mine) current = undefined;
      }
    },
  };
}

interface Bell {
  ring(): void;
  /** True where it rang since the last wait. */
  rung(): boolean;
  /** Until the next piece of work is due, or the bell rings (or rang since the last wait). */
  wait(dueInMs: number | null): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    rung: () => rung,
    async wait(dueInMs) {
      let timer: NodeJS.Timeout | undefined;
      const ringing = new Promise<void>((resolve) => {
        wake = resolve;
        if (rung) resolve();
        if (dueInMs !== null) timer = setTimeout(resolve, dueInMs + 5);
      });
      await ringing;
      clearTimeout(timer);
      rung = false;
    },
  };
}
