import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelsOf, openIssue } from '../e2e/watch.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import type { Sandbox, SandboxProvider } from '../../src/sandbox/types.ts';
import { startEngine } from '../support/engine.ts';
import type { Engine, Process } from '../support/engine.ts';
import { callTool } from '../../src/testing/openai-server.ts';
import { developerSteps, PLAIN, saidTo, SUBMIT_DEVELOPER, WRITE_GREETING } from './scripts.ts';
import { fileOn, taskOf } from './transcripts.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** A worker whose sandboxes break as told: each is numbered as it is opened. */
function fragile(harm: (sandbox: Sandbox, number: number) => Partial<Sandbox>): { worker: Process; opened: () => number } {
  const worker = engine.process();
  const { sandboxes } = worker.parts;
  let opened = 0;
  const provider: SandboxProvider = {
    name: sandboxes.name,
    reachesRegistries: sandboxes.reachesRegistries,
    sweep: () => Promise.resolve(0),
    async create(options) {
      const sandbox = await sandboxes.create(options);
      opened += 1;
      return { ...sandbox, ...harm(sandbox, opened) };
    },
  };
  worker.parts.sandboxes = provider;
  return { worker, opened: () => opened };
}

const COMMAND = 'cat greeting.txt && echo more >> made.txt';
const STEPS = [WRITE_GREETING, callTool('run_command', { command: COMMAND }), SUBMIT_DEVELOPER];

/** The sandbox ends after the command has run, before its changes were taken back. */
function vanishing(sandbox: Sandbox): Partial<Sandbox> {
  return {
    async run(command) {
      const result = await sandbox.run(command);
      if (!command.command.includes('made.txt')) return result;
      await sandbox.destroy();
      throw new BanyanError('sandbox_timeout', 'The sandbox is gone.', { retry: 'transient' });
    },
  };
}

function asked(repo: string) {
  return engine.models.requests.filter((request) => request.agent === 'developer' && saidTo(request).includes(`acme/${repo} `));
}

describe('a sandbox that vanishes', () => {
  it('in the middle of a command is opened anew with the same files, and nobody notices', async () => {
    engine.cast.in('vanish', developerSteps(...STEPS));
    const { worker, opened } = fragile((sandbox, number) => (number === 1 ? vanishing(sandbox) : {}));
    const watched = await engine.repository('vanish', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await engine.settle(worker);
    expect(opened()).toBe(2);
    expect(saidTo(asked('vanish').at(-1))).toMatch(/exit code 0, .*\nHello, and welcome\./);
    expect(await fileOn(watched, 'made.txt')).toBe('more\n');
    expect(await taskOf(engine, 'vanish', 'developer')).toMatchObject({ state: 'completed', attempts: 1 });
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });

  it('each time: the task fails twice in the same way, and a person is called', async () => {
    engine.cast.in('gone', developerSteps(...STEPS));
    const { worker, opened } = fragile(vanishing);
    const watched = await engine.repository('gone', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await engine.settle(worker);
    expect(opened()).toBe(4);
    expect(asked('gone')).toHaveLength(2);
    expect(await taskOf(engine, 'gone', 'developer')).toMatchObject({ state: 'failed', error: { code: 'sandbox_timeout' } });
    expect(await labelsOf(watched, issue)).toEqual(['needs-human']);
  });
});

describe('a disk that is full', () => {
  it('when files are laid out is a failure of the sandbox, and goes on with another one', async () => {
    engine.cast.in('full', developerSteps(...STEPS));
    const { worker, opened } = fragile((_sandbox, number) =>
      number === 1 ? { writeFiles: () => Promise.reject(new BanyanError('sandbox_failed', 'The disk of the sandbox is full.', { retry: 'transient' })) } : {},
    );
    const watched = await engine.repository('full', PLAIN);
    const issue = await openIssue(watched, { title: 'Greet', labels: ['ready-for-dev'] });
    await engine.settle(worker);
    expect(opened()).toBe(2);
    expect(await labelsOf(watched, issue)).toEqual(['in-review']);
  });
});
