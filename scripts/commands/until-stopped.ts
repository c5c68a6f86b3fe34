import { BanyanError } from '../../src/kernel/errors.ts';

/** Ctrl-C stops at the next safe point and undoes; a second one changes nothing about that. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!(error instanceof BanyanError && error.data['stopped'])) throw error;
    console.error('Stopped. Nothing was left behind.');
    process.exitCode = 130;
    return undefined;
  } finally {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, stop);
  }
}
