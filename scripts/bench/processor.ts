import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';

/** The kernel counts in hundredths of a second. */
const CLOCK_TICK_MS = 10;

/** Processor time that a process has used so far; null where the system does not tell. */
export function cpuOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  } catch {
    return null;
  }
}

/** Of each process of the server that is there now, those in the background included; empty where the system does not tell. */
export async function postgresCpu(pool: Pool): Promise<ReadonlyMap<number, number>> {
  const { rows } = await pool.query<{ pid: number }>('select pid from pg_stat_activity');
  return new Map(rows.map(({ pid }) => [pid, cpuOf(pid)] as const).filter((entry): entry is readonly [number, number] => entry[1] !== null));
}

/** What the processes used between the two looks. Connections come and go: one that is gone is left out, and one that is new began at nothing. */
export function cpuBetween(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number | null {
  if (after.size === 0) return null;
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0);
}
