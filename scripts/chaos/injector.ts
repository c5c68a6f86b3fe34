import type { Fault, Family, Place } from './plan.ts';

export interface Injected {
  at: number;
  fault: Fault;
  /** What it struck, in a few words. */
  target: string;
}

export interface Sparing {
  tries: boolean;
  lives: boolean;
}

/** After a worker's end this long passes until others have taken up, under new leases, what it held. */
const BETWEEN_LIVES_MS = 4_000;

/** Hands the planned faults to those who carry them out, each once. */
export interface Injector {
  /** Counts one event at its place and says what is to go wrong with it; `families` are those that the asker can carry out. */
  next(place: Place, target: string, families?: readonly Family[]): Fault | null;
  /** What costs a try waits while somebody has few left, what costs a life while somebody has just lost one. */
  spare(sparing: Sparing): void;
  injected(): readonly Injected[];
  /** What was planned and never found its event. */
  missed(): Fault[];
  /** Of that, what every run has to have met: a kill at each named point, and the database away. */
  owed(): string[];
}

export function createInjector(plan: readonly Fault[]): Injector {
  const armed = new Set(plan);
  const injected: Injected[] = [];
  const counts = new Map<Place, number>();
  let sparing: Sparing = { tries: false, lives: false };
  let lastLife = 0;

  /** Lives are few in a short run: those at named points come first. */
  function spared({ costs, family, kind, place }: Fault): boolean {
    if (costs !== 'a life') return costs === 'a try' && sparing.tries;
    if (sparing.tries || sparing.lives || Date.now() - lastLife < BETWEEN_LIVES_MS) return true;
    return family === 'kill' && kind !== place && [...armed].some((other) => other.kind === other.place);
  }

  /** The same failure twice of one task's sandbox is a loop, which ends at a person by design. */
  function isLoop({ family, kind }: Fault, target: string): boolean {
    return family === 'sandbox' && injected.some((earlier) => earlier.fault.kind === kind && earlier.target === target);
  }

  function due(place: Place, target: string, families: readonly Family[] | undefined): Fault | undefined {
    const count = counts.get(place) ?? 0;
    return [...armed].find(
      (fault) =>
        fault.place === place && fault.nth <= count && !spared(fault) && !isLoop(fault, target) && (families === undefined || families.includes(fault.family)),
    );
  }

  return {
    next(place, target, families) {
      counts.set(place, (counts.get(place) ?? 0) + 1);
      const fault = due(place, target, families);
      if (!fault) return null;
      armed.delete(fault);
      if (fault.costs === 'a life') lastLife = Date.now();
      injected.push({ at: Date.now(), fault, target });
      return fault;
    },
    spare: (value) => void (sparing = value),
    injected: () => injected,
    missed: () => [...armed],
    owed() {
      const met = new Set(injected.map(({ fault }) => fault.kind));
      const needed = [...armed].filter(({ family, kind, place }) => family === 'database' || (family === 'kill' && kind === place));
      return [...new Set(needed.filter(({ kind }) => !met.has(kind)).map(({ family, kind }) => `${family}: ${kind}`))];
    },
  };
}
