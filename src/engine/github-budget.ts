import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestBudget, RequestCost } from '../github/budget.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { GitHubReservation, GitHubReturn, Store } from '../store/contract.ts';

/*
 * This process's part of GitHub's limits. It reserves small blocks from the budget in the database (one call for many requests), spends
 * them here, and tells with the next reservation what it did not use. What dies with a block in hand leaves it to run out.
 */

type BudgetStore = Pick<Store, 'reserveGitHub' | 'returnGitHub' | 'holdGitHub'>;

/** A wait of this length in all is worth less than putting the work off and taking it up again. */
const PATIENCE_MS = 2_000;

/** The first block is for so many reads; later ones double or halve with their use. */
const FIRST_POINTS = 32;
const MOST_POINTS = 160;

interface Block extends GitHubReturn {
  usedPoints: number;
  usedCreations: number;
  /** Requests that have not ended. */
  open: number;
  /** On this process's monotonic clock, counted from before it was asked for: never later than the database means. */
  until: number;
}

/** What is known not to fit before `until`. */
interface Refusal {
  creations: boolean;
  until: number;
  /** When the next that is put off should come back; each gets a later turn. */
  turn: number;
  pace: number;
}

function canPay(block: Block, cost: RequestCost): boolean {
  const { until, points, usedPoints, creations, usedCreations } = block;
  return until > performance.now() && points - usedPoints >= cost.points && creations - usedCreations >= cost.creations;
}

function told({ id, usedPoints, usedCreations, open }: Block): GitHubReturn {
  return { id, points: usedPoints, creations: usedCreations, slots: open };
}

function limited(atMs: number): BanyanError {
  const retryAt = new Date(Date.now() + Math.max(atMs - performance.now(), 0));
  return new BanyanError('github_rate_limited', "what GitHub's limits allow is used up for now", { retry: 'rate_limit', retryAt });
}

/** One installation, as this process sees it. */
class Purse {
  readonly #store: BudgetStore;
  readonly #holder: string;
  readonly #installationId: number;
  readonly #counted: boolean;
  /** Who waits for a block, with what each needs. */
  readonly #line = new Set<RequestCost>();
  /** Blocks of before, of which something is to be told still. */
  #former: Block[] = [];
  #block: Block | undefined;
  #size = FIRST_POINTS;
  /** Who waits for a request to end. */
  readonly #ends: (() => void)[] = [];
  #asking: Promise<void> | undefined;
  #refusal: Refusal | undefined;
  #heldUntil = 0;

  constructor(store: BudgetStore, { holder, installationId, counted }: { holder: string; installationId: number; counted: boolean }) {
    this.#store = store;
    this.#holder = holder;
    this.#installationId = installationId;
    this.#counted = counted;
  }

  async take(cost: RequestCost, signal?: AbortSignal): Promise<() => void> {
    this.#refuseHeld();
    if (!this.#counted) return () => undefined;
    const patience = performance.now() + PATIENCE_MS;
    const place = { ...cost };
    this.#line.add(place);
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#refuseHeld();
        await this.#waitOut(cost, patience, signal);
        const block = this.#block;
        const pays = block !== undefined && canPay(block, cost);
        if (pays && block.open < block.slots) return this.#spend(block, cost);
        // Only a slot is missing: one of this process's own is free again sooner than the database knows of one.
        if (pays) await this.#anEnd(block.until, signal);
        else await (this.#asking ??= this.#ask(cost).finally(() => (this.#asking = undefined)));
      }
    } finally {
      this.#line.delete(place);
    }
  }

  #refuseHeld(): void {
    if (this.#heldUntil > performance.now()) throw limited(this.#heldUntil);
  }

  /** @throws where what is known to be refused will be for too long */
  async #waitOut(cost: RequestCost, patience: number, signal?: AbortSignal): Promise<void> {
    const refusal = this.#refusal;
    if (!refusal || refusal.until <= performance.now() || (refusal.creations && cost.creations === 0)) return;
    if (refusal.until > patience) {
      const turn = Math.max(refusal.turn, refusal.until);
      refusal.turn = turn + refusal.pace * 1000;
      throw limited(turn);
    }
    await sleep(refusal.until - performance.now(), undefined, signal ? { signal } : {});
  }

  #spend(block: Block, cost: RequestCost): () => void {
    block.usedPoints += cost.points;
    block.usedCreations += cost.creations;
    block.open += 1;
    let ended = false;
    return () => {
      if (!ended) block.open -= 1;
      ended = true;
      for (const wake of this.#ends.splice(0)) wake();
    };
  }

  /** Until a request ends, the block does, or who waits goes away. */
  async #anEnd(until: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(until - performance.now(), 0));
    signal?.addEventListener('abort', () => resolve(), { once: true });
    this.#ends.push(resolve);
    await promise;
    clearTimeout(timer);
  }

  async #ask(need: RequestCost): Promise<void> {
    // Whoever comes in the same turn of the event loop is reserved for together.
    await Promise.resolve();
    const want = this.#want();
    const before = this.#retire();
    const returns = before.map(told);
    const askedAt = performance.now();
    const answer = await this.#store.reserveGitHub({ installationId: this.#installationId, holder: this.#holder, need, want, returns });
    this.#forget(before, returns);
    this.#hear(answer, askedAt);
  }

  #want(): { points: number; creations: number; slots: number } {
    const line = [...this.#line];
    const sum = (of: keyof RequestCost) => line.reduce((total, cost) => total + cost[of], 0);
    const last = this.#block;
    if (last && last.usedPoints * 2 < last.points) this.#size = Math.max(this.#size / 2, FIRST_POINTS);
    else if (last && last.until > performance.now()) this.#size = Math.min(this.#size * 2, MOST_POINTS);
    return {
      points: Math.max(sum('points'), this.#size),
      creations: Math.max(sum('creations'), last?.usedCreations ?? 0),
      slots: Math.max(line.length, last?.open ?? 0, 4),
    };
  }

  #hear(answer: GitHubReservation, askedAt: number): void {
    const now = performance.now();
    // A block for reading does not tell that creations fit again.
    if (answer.status !== 'granted' || answer.creations > 0 || !this.#refusal?.creations) this.#refusal = undefined;
    if (answer.status === 'granted') {
      const { id, points, creations, slots, seconds } = answer;
      this.#block = { id, points, creations, slots, usedPoints: 0, usedCreations: 0, open: 0, until: askedAt + seconds * 1000 };
    } else if (answer.status === 'held') this.#heldUntil = now + answer.seconds * 1000;
    else {
      const { creations, seconds, later, pace } = answer;
      this.#refusal = { creations, until: now + seconds * 1000, turn: now + later * 1000, pace };
    }
  }

  async hold(seconds: number | null): Promise<Date> {
    const now = performance.now();
    const known = seconds === null ? this.#heldUntil > now : this.#heldUntil > now + seconds * 1000 - 1_000;
    if (!known) {
      // GitHub's word counts here even while the database cannot be told.
      this.#heldUntil = Math.max(this.#heldUntil, now + (seconds ?? 60) * 1000);
      const held = await this.#store.holdGitHub(this.#installationId, seconds).catch(() => 0);
      this.#heldUntil = Math.max(this.#heldUntil, now + held * 1000);
    }
    return limited(this.#heldUntil).retryAt ?? new Date();
  }

  #retire(): Block[] {
    if (this.#block) this.#former.push(this.#block);
    this.#block = undefined;
    return [...this.#former];
  }

  /** What was told with no request open needs no further word. */
  #forget(blocks: readonly Block[], returns: readonly GitHubReturn[]): void {
    const done = new Set(blocks.filter((_, index) => returns[index]?.slots === 0));
    this.#former = this.#former.filter((block) => !done.has(block));
  }

  /** Leaves nothing behind but what is still open, and what is asked anew after this is asked of the database. */
  async giveBack(): Promise<void> {
    const blocks = this.#retire();
    const returns = blocks.map(told);
    this.#refusal = undefined;
    this.#heldUntil = 0;
    if (returns.length === 0) return;
    await this.#store.returnGitHub(this.#holder, returns);
    this.#forget(blocks, returns);
  }
}

/**
 * GitHub's limits for this process, from the budget that all processes share.
 * @param options.counted false where the server has no limits: then it is only heeded when it asks to stop
 */
export function createGitHubBudget(store: BudgetStore, { counted }: { counted: boolean }): RequestBudget {
  const holder = `process-${randomUUID()}`;
  const purses = new Map<number, Purse>();
  function purse(installationId: number): Purse {
    const known = purses.get(installationId) ?? new Purse(store, { holder, installationId, counted });
    purses.set(installationId, known);
    return known;
  }
  return {
    take: (installationId, cost, signal) => purse(installationId).take(cost, signal),
    hold: (installationId, seconds) => purse(installationId).hold(seconds),
    async giveBack() {
      // What cannot be told runs out by itself.
      await Promise.allSettled([...purses.values()].map((each) => each.giveBack()));
    },
  };
}
