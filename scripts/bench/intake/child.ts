import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Parts } from '../profile/sampled.ts';
import type { Question, Usage } from './servers/serve.ts';

export interface Server {
  port: number;
  usage(): Promise<Usage>;
  /** Begins to sample what the process does. */
  profile(): Promise<void>;
  /** Ends that. */
  profiled(): Promise<Parts>;
  stop(): Promise<void>;
}

/** The port that a server says it listens on. @throws where it ends before */
export function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const port = /^listening (\d+)$/m.exec(said)?.[1];
      if (port) resolve(Number(port));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

/** A contender in a process of its own, all with the same flags. */
export async function startServer(entry: string, env: Record<string, string>): Promise<Server> {
  const child = fork(entry, { env: { PATH: process.env['PATH'], ...env }, execArgv: [], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const port = await portOf(child);
  child.removeAllListeners('exit');
  const ask = async (question: Question): Promise<unknown> => {
    const told = once(child, 'message');
    child.send(question);
    return (await told)[0];
  };
  return {
    port,
    usage: () => ask('usage') as Promise<Usage>,
    profile: () => ask('profile').then(() => undefined),
    profiled: () => ask('profiled') as Promise<Parts>,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
