/**
 * One process of the functions, as `api/` has them, whose parts ask the run at the named points whether something is to go wrong there.
 * A kill is real: the run sends SIGKILL and never answers.
 */
import { createEngineParts, createHandlers } from '../../src/app.ts';
import type { Handler } from '../../src/app.ts';
import type { EngineParts } from '../../src/engine/parts.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { listen } from '../../src/local/http.ts';
import type { Sandbox, SandboxProvider } from '../../src/sandbox/types.ts';
import type { Store } from '../../src/store/contract.ts';
import type { Place } from './plan.ts';

/** What the platform lets through. */
const MAX_BODY_BYTES = 4.5 * 1024 * 1024;

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new BanyanError('config_invalid', `${name} is not set; this process is started by "npm run chaos"`);
  return value;
}

const run = required('CHAOS_URL');
const slot = required('CHAOS_SLOT');
const runSeconds = Number(required('CHAOS_RUN_SECONDS'));
const clockMs = Number(required('CHAOS_CLOCK_MS'));

/** This process's clock goes wrong by a fixed time. */
function setClock(offsetMs: number): void {
  const RealDate = globalThis.Date;
  class WrongDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      if (given.length === 0) super(RealDate.now() + offsetMs);
      else super(...(given as [number]));
    }
    static override now(): number {
      return RealDate.now() + offsetMs;
    }
  }
  globalThis.Date = WrongDate as DateConstructor;
}

/** @returns the kind of fault that is to happen here, or null */
async function at(place: Place, subject = ''): Promise<string | null> {
  const response = await fetch(`${run}/at?slot=${slot}&place=${place}&subject=${encodeURIComponent(subject)}`, { method: 'POST' });
  return ((await response.json()) as { kind: string | null }).kind;
}

function watchStore(store: Store): Store {
  return {
    ...store,
    async claim(...args) {
      const claims = await store.claim(...args);
      if (claims.tasks.length > 0) await at('after-claim');
      if (claims.effects.length > 0) await at('begin-perform');
      return claims;
    },
    async beginEffect(effect) {
      const begun = await store.beginEffect(effect);
      if (begun.status === 'perform') await at('begin-perform');
      return begun;
    },
    async settleEffect(...args) {
      await at('perform-settle');
      const settled = await store.settleEffect(...args);
      if (settled.next) await at('begin-perform');
      return settled;
    },
    async applyIntents(...args) {
      await at('before-apply');
      return store.applyIntents(...args);
    },
    async completeTask(...args) {
      await at('before-complete');
      return store.completeTask(...args);
    },
  };
}

function watchSandbox(sandbox: Sandbox, name: string): Sandbox {
  return {
    ...sandbox,
    async writeFiles(files) {
      // As the file system says it.
      if ((await at('sandbox.write', name)) !== null) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      await sandbox.writeFiles(files);
    },
    async run(command) {
      if ((await at('sandbox.run', name)) !== null) {
        await sandbox.destroy();
        return sandbox.run(command);
      }
      const [result] = await Promise.all([sandbox.run(command), at('in-tool')]);
      return result;
    },
  };
}

function watchSandboxes(provider: SandboxProvider): SandboxProvider {
  return { ...provider, create: async (options) => watchSandbox(await provider.create(options), options.name ?? '') };
}

function watchParts(parts: EngineParts): EngineParts {
  return { ...parts, store: watchStore(parts.store), sandboxes: watchSandboxes(parts.sandboxes) };
}

async function main(): Promise<void> {
  setClock(clockMs);
  const platform = {
    waitUntil: (work: Promise<unknown>) => void work.catch((error: unknown) => console.error(error)),
    deadline: () => new Date(Date.now() + runSeconds * 1000),
  };
  const handlers = createHandlers(platform, process.env, async (env) => watchParts(await createEngineParts(env)));
  const routes: Record<string, Handler> = { '/api/github/webhook': handlers.webhook, '/api/worker': handlers.worker };
  const server = await listen({
    port: Number(required('PORT')),
    handle: (request) => (routes[new URL(request.url).pathname] ?? handlers.cron)(request),
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: () => new Response(null, { status: 413 }),
  });
  console.log(`listening ${server.url}`);
}

await main();
