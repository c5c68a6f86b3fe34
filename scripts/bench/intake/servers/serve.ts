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

/** Says where it listens, and what it used when asked; ends with the benchmark. */
export function announce(port: number): void {
  process.stdout.write(`listening ${port}\n`);
  process.on('message', () => process.send?.(usage()));
  process.on('disconnect', () => process.exit());
}

export function serve(listener: RequestListener): void {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port));
}
