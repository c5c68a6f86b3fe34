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

/** Of all processes of the server that are there now, those in the background included. */
export async function postgresCpuMs(pool: Pool): Promise<number | null> {
  const { rows } = await pool.query<{ pid: number }>('select pid from pg_stat_activity');
  const times = rows.map(({ pid }) => cpuOf(pid)).filter((time) => time !== null);
  return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0);
}
