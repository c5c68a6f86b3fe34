import { randomUUID } from 'node:crypto';
import type { Session } from '@vercel/sandbox';
import { BanyanError } from '../../kernel/errors.ts';
import { createOutputCollector } from '../output.ts';
import { cleanPath } from '../paths.ts';
import { createTurns } from '../turns.ts';
import { sweepSandboxes } from './sweep.ts';
import type { VercelClientOptions } from './sweep.ts';
import type { Sandbox, SandboxCommand, SandboxFile, SandboxOptions, SandboxProvider, SandboxResult } from '../types.ts';
import { toSandboxError, typed } from './errors.ts';
import { withRegistries } from './network.ts';

export interface VercelSandboxOptions {
  /** All three or none: on Vercel the project's OIDC token is used. */
  token?: string;
  teamId?: string;
  projectId?: string;
  /** An image of Vercel's or your own; theirs with Node, Python and git when absent. */
  image?: string;
  /** Where the API is reached by other means than the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

const ENVIRONMENT = { CI: 'true', LANG: 'C.UTF-8', NO_COLOR: '1', NO_UPDATE_NOTIFIER: '1', npm_config_update_notifier: 'false', GIT_TERMINAL_PROMPT: '0' };

/** Both outputs in order as one stream; the limits on files and processes that the machine itself does not set. */
const WRAP = 'exec 2>&1; ulimit -c 0; ulimit -u 4096 2>/dev/null; sh -c "$1"; exit $?';

/** Exit code of the shell functions below where they met a symlink. */
const LINK_FOUND = 43;

/**
 * Looks at every part of each path. Reading through a link of a stranger's would hand a file of the machine to the model as if it
 * were the repository's; links within the machine are all there are, but the two providers should behave alike.
 */
const LINK_CHECK = `for p; do
  d=.; rest=$p
  while [ -n "$rest" ]; do
    d=$d/\${rest%%/*}
    [ -L "$d" ] && exit ${LINK_FOUND}
    case $rest in */*) rest=\${rest#*/};; *) rest=;; esac
  done
done; exit 0`;

const CHECK_MS = 60_000;
const MAX_ARGUMENT_CHARS = 60_000;
/** Beyond the command's own time: for the way there and back. */
const GRACE_MS = 15_000;

/** Vercel's disposable virtual machines: not persistent, network closed, but for the registries while a command needs them. */
export function createVercelSandboxProvider(options: VercelSandboxOptions = {}): SandboxProvider {
  return {
    name: 'vercel',
    reachesRegistries: true,
    async create(request) {
      request.signal?.throwIfAborted();
      const session = await typed(() => openSession(options, request), request.signal);
      return createSandbox(session, request.name ?? 'sandbox');
    },
    sweep: (request) => sweepSandboxes(clientOptions(options), request),
  };
}

function safeName(name: string | undefined): string {
  const safe = (name ?? 'banyan')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return `${safe || 'banyan'}-${randomUUID().slice(0, 8)}`;
}

/** Credentials and way to the API, where they were given. */
function clientOptions({ token, teamId, projectId, fetch }: VercelSandboxOptions): VercelClientOptions {
  return Object.fromEntries(Object.entries({ token, teamId, projectId, fetch }).filter(([, value]) => value !== undefined));
}

async function openSession(options: VercelSandboxOptions, request: SandboxOptions): Promise<Session> {
  // Loaded when it is needed: 130 ms and 46 MB that the other functions do not pay.
  const client = await import('@vercel/sandbox');
  const machine = await client.Sandbox.create({
    ...clientOptions(options),
    name: safeName(request.name),
    persistent: false,
    networkPolicy: 'deny-all',
    timeout: request.timeoutSeconds * 1000,
    ...(options.image === undefined ? {} : { image: options.image }),
    // 2 GB come with each.
    ...(request.memoryMb === undefined ? {} : { resources: { vcpus: Math.max(1, Math.ceil(request.memoryMb / 2048)) } }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  // The session and not the sandbox: the latter would quietly start an empty machine when this one is gone.
  return machine.currentSession();
}

function inArguments(paths: string[]): string[][] {
  const groups: string[][] = [[]];
  let chars = 0;
  for (const path of paths) {
    chars += path.length + 1;
    if (chars > MAX_ARGUMENT_CHARS) {
      groups.push([]);
      chars = path.length + 1;
    }
    groups.at(-1)?.push(path);
  }
  return groups.filter((group) => group.length > 0);
}

function createSandbox(session: Session, name: string): Sandbox {
  // The network's policy is the machine's, not a command's: no second command may run while it is open for one.
  const inTurn = createTurns();
  let hasRun = false;
  let isDestroyed = false;
  let stopping: Promise<void> | null = null;

  function assertAlive(): void {
    if (isDestroyed) throw new BanyanError('sandbox_timeout', 'The sandbox is gone: it was destroyed.', { retry: 'transient' });
  }

  async function assertNoLinks(paths: string[]): Promise<void> {
    // Before the first command there is nobody who could have made one.
    if (!hasRun) return;
    for (const group of inArguments(paths)) {
      const check = await session.runCommand({ cmd: 'sh', args: ['-c', LINK_CHECK, 'check', ...group], cwd: session.cwd, timeoutMs: CHECK_MS });
      if (check.exitCode === LINK_FOUND)
        throw new BanyanError('path_invalid', `A part of ${JSON.stringify(group[0])} (or of another path) is a symlink; it is not followed.`);
      if (check.exitCode !== 0) throw new BanyanError('sandbox_failed', `The paths could not be checked (exit ${check.exitCode}).`, { retry: 'transient' });
    }
  }

  async function writeFiles(files: SandboxFile[]): Promise<void> {
    assertAlive();
    const clean = files.map((file) => ({ path: cleanPath(file.path), content: Buffer.from(file.content), mode: file.mode ?? 0o644 }));
    if (clean.length === 0) return;
    await typed(async () => {
      await assertNoLinks(clean.map(({ path }) => path));
      await session.writeFiles(clean);
    });
  }

  async function readFile(path: string): Promise<Uint8Array | null> {
    assertAlive();
    const clean = cleanPath(path);
    return typed(async () => {
      await assertNoLinks([clean]);
      return session.readFileToBuffer({ path: clean, cwd: session.cwd });
    });
  }

  async function run(command: SandboxCommand): Promise<SandboxResult> {
    assertAlive();
    const cwd = command.cwd === undefined || command.cwd === '.' ? session.cwd : `${session.cwd}/${cleanPath(command.cwd)}`;
    command.signal?.throwIfAborted();
    hasRun = true;
    const running = () => runIn(session, command, cwd);
    return command.network === 'registries' ? withRegistries(session, { end: destroy, signal: command.signal }, running) : running();
  }

  function destroy(): Promise<void> {
    isDestroyed = true;
    // One that failed is tried again when it is asked for again.
    stopping ??= stop(session).catch((error: unknown) => {
      stopping = null;
      throw error;
    });
    return stopping;
  }

  return {
    id: `${name}-${session.sessionId}`,
    provider: 'vercel',
    writeFiles,
    readFile,
    run: (command) => inTurn(() => run(command)),
    destroy,
  };
}

async function stop(session: Session): Promise<void> {
  await session.stop().catch((error: unknown) => {
    const failure = toSandboxError(error);
    // Gone already is what was wanted.
    if (failure.code !== 'sandbox_timeout') throw failure;
  });
}

async function runIn(session: Session, request: SandboxCommand, cwd: string): Promise<SandboxResult> {
  const startedAt = performance.now();
  const timeoutMs = request.timeoutSeconds * 1000;
  const guard = AbortSignal.timeout(timeoutMs + GRACE_MS);
  const signal = request.signal ? AbortSignal.any([request.signal, guard]) : guard;
  const output = createOutputCollector(request.maxOutputBytes);
  // Detached and read as it comes: the waiting way keeps all of a flood in memory.
  const args = ['-c', WRAP, 'sandbox', request.command];
  const env = { ...ENVIRONMENT, ...request.env };
  const command = await typed(() => session.runCommand({ cmd: 'sh', args, cwd, env, detached: true, timeoutMs, signal }), request.signal);
  try {
    for await (const log of command.logs({ signal })) output.push(Buffer.from(log.data));
    const finished = await command.wait({ signal });
    const durationMs = Math.round(performance.now() - startedAt);
    const timedOut = finished.exitCode === 137 && (finished.durationMs ?? durationMs) >= timeoutMs;
    return { exitCode: finished.exitCode, ...output.finish(), timedOut, durationMs };
  } catch (error) {
    // The machine is stopped soon anyway; this ends it sooner.
    if (signal.aborted) await command.kill('SIGKILL', { abortSignal: AbortSignal.timeout(GRACE_MS) }).catch(() => undefined);
    request.signal?.throwIfAborted();
    throw toSandboxError(error);
  }
}
