/** One file to put into a sandbox. Paths are relative to the sandbox's work folder. */
export interface SandboxFile {
  path: string;
  content: Uint8Array | string;
  /** POSIX permission bits; 0o644 when absent. */
  mode?: number;
}

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

/** A disposable machine for strangers' code: no network, no credentials, a work folder, limits. */
export interface Sandbox {
  readonly id: string;
  readonly provider: string;
  /** @throws BanyanError `path_invalid` for an absolute path or one that leaves the work folder. */
  writeFiles(files: SandboxFile[]): Promise<void>;
  /** The bytes of one file, or null where there is none. Symlinks out of the work folder are not followed. */
  readFile(path: string): Promise<Uint8Array | null>;
  /** @throws BanyanError `sandbox_failed` where the sandbox itself broke; a failing command is a result. */
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

export interface SandboxProvider {
  readonly name: string;
  /** @throws BanyanError `sandbox_unavailable` where it cannot work here; `fix` says what to install or set. */
  create(options: SandboxOptions): Promise<Sandbox>;
}
