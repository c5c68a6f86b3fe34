/** One file to put into a sandbox. Paths are relative to the sandbox's work folder. */
export interface SandboxFile {
  path: string;
  content: Uint8Array | string;
  /** POSIX permission bits; 0o644 when absent. */
  mode?: number;
}

/**
 * What a command can reach over the network besides its own loopback. `registries` are the hosts of `registries.ts`, for commands
 * that install what a repository needs; only where the provider says so (`SandboxProvider.reachesRegistries`), else as `none`.
 */
export type SandboxNetwork = 'none' | 'registries';

export interface SandboxCommand {
  /** Run by `sh -c` inside the sandbox. */
  command: string;
  /** Seconds until the whole process tree is killed. */
  timeoutSeconds: number;
  /** Bytes of combined output that are kept: the head and the tail survive, the middle is cut and marked. */
  maxOutputBytes: number;
  /** Relative to the work folder; the work folder itself when absent. */
  cwd?: string;
  /** Added to the small fixed environment (PATH, HOME, LANG, CI=true); never a credential. */
  env?: Record<string, string>;
  /** Closed again when the command has ended, however it ended. @default 'none' */
  network?: SandboxNetwork;
  signal?: AbortSignal;
}

export interface SandboxResult {
  /** Exit status of the command; 137 when it was killed for time or memory. */
  exitCode: number;
  /** stdout and stderr in the order they were written. */
  output: string;
  timedOut: boolean;
  truncated: boolean;
  durationMs: number;
}

/**
 * A disposable machine for strangers' code: no network but for what a command asks for, no credentials, a work folder, limits.
 * Commands run one after the other.
 */
export interface Sandbox {
  readonly id: string;
  readonly provider: string;
  /** @throws BanyanError `path_invalid` for an absolute path or one that leaves the work folder. */
  writeFiles(files: SandboxFile[]): Promise<void>;
  /** The bytes of one file, or null where there is none. Symlinks out of the work folder are not followed. */
  readFile(path: string): Promise<Uint8Array | null>;
  /**
   * A failing command is a result.
   * @throws BanyanError `sandbox_failed` where the sandbox itself broke, or where its network could not be closed again: then it was destroyed
   */
  run(command: SandboxCommand): Promise<SandboxResult>;
  /** Ends everything in it and removes it. Safe to call twice. */
  destroy(): Promise<void>;
}

export interface SandboxOptions {
  /** Wall-clock life of the sandbox in seconds. */
  timeoutSeconds: number;
  /** Shown where the provider lists sandboxes. */
  name?: string;
  memoryMb?: number;
  signal?: AbortSignal;
}

/** What to look for among sandboxes that are still there. */
export interface SandboxSweep {
  /** Younger ones are left alone. */
  before: Date;
  /** Of these names (as given at `create`, perhaps shortened at the end), those in which nobody works any more. */
  abandoned: (names: readonly string[]) => Promise<readonly string[]>;
  /** Milliseconds since the epoch after which no further one is ended. */
  until: number;
}

export interface SandboxProvider {
  readonly name: string;
  /** Whether `network: 'registries'` opens anything. Where it does not, an install that must download fails, and this is why. */
  readonly reachesRegistries: boolean;
  /** @throws BanyanError `sandbox_unavailable` where it cannot work here; `fix` says what to install or set. */
  create(options: SandboxOptions): Promise<Sandbox>;
  /**
   * Ends what was left behind by workers that are gone. What it does not find ends with its own time.
   * @returns how many were ended
   * @throws BanyanError where the provider does not answer
   */
  sweep(options: SandboxSweep): Promise<number>;
}
