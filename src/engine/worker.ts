import { randomUUID } from 'node:crypto';
import { toBanyanError } from '../kernel/errors.ts';
import type { Claims } from '../store/contract.ts';
import { createInbox } from './inbox.ts';
import { createOutbox } from './outbox.ts';
import type { EngineParts } from './parts.ts';
import { createTaskRunner } from './tasks.ts';

/*
 * A worker in words: claim what is due, work on it side by side, claim again whenever something ends or a nudge comes; end
 * when nothing is due or the time is nearly up. Leases are renewed while work goes on. A worker that is killed leaves
 * leases that run out, and the next worker takes what they held.
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

interface Held {
  tasks: Map<string, AbortController>;
  effects: Set<string>;
  deliveries: Set<string>;
}

/** Milliseconds before the deadline in which no further step is begun, so that the last one can end and be stored. */
const MARGIN_MS = 10_000;

export function createWorker(parts: EngineParts): Worker {
  const inbox = createInbox(parts);
  const outbox = createOutbox(parts);
  const tasks = createTaskRunner(parts);
  const { store, log, settings } = parts;

  async function renew(name: string, held: Held): Promise<void> {
    const ids = { tasks: [...held.tasks.keys()], effects: [...held.effects], deliveries: [...held.deliveries] };
    if (ids.tasks.length + ids.effects.length + ids.deliveries.length === 0) return;
    const gates = await store.renew(name, ids, settings.leaseSeconds);
    for (const id of ids.tasks) {
      const gate = gates.tasks[id];
      if (!gate || gate.status !== 'ok' || gate.run_state === 'paused') held.tasks.get(id)?.abort();
    }
  }

  let current: { lastStep: number; nudge: () => void } | undefined;

  async function work(deadline: number): Promise<WorkerReport> {
      const name = `worker-${randomUUID()}`;
      const held: Held = { tasks: new Map(), effects: new Set(), deliveries: new Set() };
      const active = new Set<Promise<void>>();
      const report: WorkerReport = { deliveries: 0, effects: 0, tasks: 0, more: false };
      const lastStep = deadline - MARGIN_MS;
      const bell = createBell();
      const mine = { lastStep, nudge: bell.ring };
      current = mine;

      function track(work: Promise<void>, release: () => void): void {
        const tracked: Promise<void> = work
          .catch((error: unknown) => log.error({ err: toBanyanError(error) }, 'work could not be stored; its lease will run out'))
          .finally(() => {
            release();
            active.delete(tracked);
          });
        active.add(tracked);
      }

      function begin(claims: Claims): void {
        for (const delivery of claims.deliveries) {
          held.deliveries.add(delivery.guid);
          track(inbox.handle(name, delivery), () => held.deliveries.delete(delivery.guid));
        }
        for (const effect of claims.effects) {
          held.effects.add(effect.key);
          track(outbox.perform(name, effect), () => held.effects.delete(effect.key));
        }
        for (const claimed of claims.tasks) {
          const controller = new AbortController();
          const timer = setTimeout(() => controller.abort(), Math.max(0, lastStep - Date.now()));
          held.tasks.set(claimed.task.id, controller);
          track(tasks.run(claimed, { worker: name, signal: controller.signal, deadline: lastStep }), () => {
            clearTimeout(timer);
            held.tasks.delete(claimed.task.id);
          });
        }
        report.deliveries += claims.deliveries.length;
        report.effects += claims.effects.length;
        report.tasks += claims.tasks.length;
      }

      async function claim(): Promise<Claims> {
        const want = { deliveries: BATCH, effects: BATCH, tasks: Math.max(0, settings.tasks - held.tasks.size), leaseSeconds: settings.leaseSeconds };
        return store.claim(name, want);
      }

      const renewal = setInterval(() => {
        renew(name, held).catch((error: unknown) => log.warn({ err: toBanyanError(error) }, 'leases could not be renewed'));
      }, (settings.leaseSeconds * 1000) / 3);
      try {
        while (Date.now() < lastStep) {
          const claims = await claim();
          begin(claims);
          const found = claims.deliveries.length + claims.effects.length + claims.tasks.length;
          const soon = claims.next_due_ms !== null && claims.next_due_ms <= LINGER_MS ? claims.next_due_ms : null;
          if (found === 0 && active.size === 0 && soon === null) return report;
          await bell.wait(active, soon);
        }
        report.more = true;
        return report;
      } finally {
        if (current === mine) current = undefined;
        await Promise.allSettled(active);
        clearInterval(renewal);
      }
  }

  return {
    async drain(deadline) {
      if (current && current.lastStep - Date.now() > JOIN_MS) {
        current.nudge();
        return JOINED;
      }
      return work(deadline);
    },
  };
}

interface Bell {
  ring(): void;
  /** Until one piece of work ends, the next one is due, or the bell rings (or rang since the last wait). */
  wait(active: ReadonlySet<Promise<void>>, dueInMs: number | null): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(active, dueInMs) {
      let timer: NodeJS.Timeout | undefined;
      const ringing = new Promise<void>((resolve) => {
        wake = resolve;
        if (rung) resolve();
        if (dueInMs !== null) timer = setTimeout(resolve, dueInMs + 5);
      });
      await Promise.race([...active, ringing]);
      clearTimeout(timer);
      rung = false;
    },
  };
}
