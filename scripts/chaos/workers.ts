import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BanyanError } from '../../src/kernel/errors.ts';
import { passThrough } from '../../src/local/stack/settings.ts';
import { onLines } from '../../src/local/stack/logs.ts';
import type { Random } from './random.ts';

export interface WorkerSlot {
  name: string;
  url: string;
  clockMs: number;
}

export interface Death {
  slot: string;
  at: number;
}

export interface WorkersOptions {
  slots: readonly WorkerSlot[];
  env(slot: WorkerSlot): Record<string, string>;
  random: Random;
  dataDir: string;
}

/** Several processes of the functions. Whoever is killed is started again, at once or after a while. */
export interface Workers {
  kill(slot: string): void;
  alive(): WorkerSlot[];
  deaths(): readonly Death[];
  stop(): Promise<void>;
}

const ENTRY = fileURLToPath(new URL('worker.ts', import.meta.url));
const LIFELINE = new URL('../../src/local/lifeline.ts', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the platform gives an invocation; the short one makes a worker run out of time in the middle of its work. */
const RUN_SECONDS = [300, 300, 25] as const;
const LONGEST_ABSENCE_MS = 3_000;

class Supervised {
  readonly slot: WorkerSlot;
  readonly #options: WorkersOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #ready = false;
  #stopped = false;

  constructor(slot: WorkerSlot, options: WorkersOptions) {
    this.slot = slot;
    this.#options = options;
    this.#log = createWriteStream(join(options.dataDir, `${slot.name}.log`));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Starts a process, and another one whenever it has ended. Resolves when the first is up. */
  start(): Promise<void> {
    const up = Promise.withResolvers<void>();
    void this.#keep(up).catch(up.reject);
    return up.promise;
  }

  async #keep(up: PromiseWithResolvers<void>): Promise<void> {
    while (!this.#stopped) {
      const child = this.#spawn();
      this.#child = child;
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
      this.#follow(child, up);
      await ended;
      this.#ready = false;
      if (child.signalCode !== 'SIGKILL' && !this.#stopped) this.#log.write(`ended by itself: ${child.signalCode ?? child.exitCode}\n`);
      up.reject(new BanyanError('internal', `${this.slot.name} did not start; see its log in ${this.#options.dataDir}`));
      if (!this.#stopped) await sleep(this.#options.random.int(0, LONGEST_ABSENCE_MS));
    }
  }

  #follow({ stdout, stderr }: ChildProcess, up: PromiseWithResolvers<void>): void {
    if (!stdout || !stderr) throw new BanyanError('internal', `the output of ${this.slot.name} is not readable`);
    onLines(stderr, (line) => this.#log.write(`${line}\n`));
    onLines(stdout, (line) => {
      this.#log.write(`${line}\n`);
      if (!line.startsWith('listening ')) return;
      this.#ready = true;
      up.resolve();
    });
  }

  #spawn(): ChildProcess {
    const own = {
      PORT: new URL(this.slot.url).port,
      CHAOS_SLOT: this.slot.name,
      CHAOS_CLOCK_MS: String(this.slot.clockMs),
      CHAOS_RUN_SECONDS: String(this.#options.random.pick(RUN_SECONDS)),
    };
    return fork(ENTRY, [], {
      cwd: ROOT,
      env: { ...passThrough(process.env), ...this.#options.env(this.slot), ...own },
      execArgv: ['--import', LIFELINE],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
  }

  kill(): void {
    this.#ready = false;
    this.#child?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    this.#log.end();
  }
}

export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const supervised = options.slots.map((slot) => new Supervised(slot, options));
  const deaths: Death[] = [];
  await Promise.all(supervised.map((worker) => worker.start()));
  return {
    kill(name) {
      const worker = supervised.find(({ slot }) => slot.name === name);
      if (!worker) throw new BanyanError('internal', `there is no worker "${name}"`);
      deaths.push({ slot: name, at: Date.now() });
      worker.kill();
    },
    alive: () => supervised.filter(({ ready }) => ready).map(({ slot }) => slot),
    deaths: () => deaths,
    async stop() {
      await Promise.all(supervised.map((worker) => worker.stop()));
    },
  };
}
