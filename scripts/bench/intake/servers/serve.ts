import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a contender used so far; asked for over the channel to the benchmark. */
export interface Usage {
  /** Processor time, user and system. */
  cpuMs: number;
  rssBytes: number;
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
}

/** What the benchmark may ask for over the channel; each is answered. */
export type Question = 'usage' | 'profile' | 'profiled';

let stopProfile = (): Promise<unknown> => Promise.resolve({});

async function answerTo(question: Question): Promise<unknown> {
  if (question === 'usage') return usage();
  if (question === 'profiled') return stopProfile();
  // Loaded when it is asked for: a cold start must not pay for it.
  const { startProfile } = await import('../../profile/sampled.ts');
  stopProfile = await startProfile();
  return {};
}

/** Says where it listens, and answers what it is asked; ends with the benchmark. */
export function announce(port: number): void {
  process.stdout.write(`listening ${port}\n`);
  process.on('message', (question: Question) => void answerTo(question).then((answer) => process.send?.(answer as object)));
  process.on('disconnect', () => process.exit());
}

export function serve(listener: RequestListener): void {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port));
}
