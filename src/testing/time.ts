import type { Harness } from './database.ts';

const DUE_NOW = `
  select (select count(*) from deliveries where state = 'pending')
    + (select count(*) from effects where state in ('pending', 'begun'))
    + (select count(*) from tasks t join runs r on r.id = t.run_id where t.state in ('pending', 'running') and not t.held and r.state in ('queued', 'running')) as open`;

/** The time of a test: of GitHub's clock, and of what the database has to wait for. */
export interface TestTime {
  now: () => number;
  open: () => Promise<number>;
  pass: (seconds: number) => Promise<void>;
  elapse: () => Promise<void>;
}

export function createTestTime({ sql }: Harness): TestTime {
  let ahead = 0;

  async function open(): Promise<number> {
    const [row] = await sql<{ open: number | string }>(DUE_NOW);
    return Number(row?.open);
  }

  async function pass(seconds: number): Promise<void> {
    ahead += seconds * 1000;
    const by = `make_interval(secs => $1::float)`;
    await sql(`update github_reservations set granted_at = granted_at - ${by}, slots_until = slots_until - ${by}`, [seconds]);
    await sql(`update installations set held_until = held_until - ${by}`, [seconds]);
    for (const table of ['deliveries', 'effects', 'tasks']) {
      await sql(
        `update ${table} set due_at = due_at - ${by},
           error = case when error ? 'put_off_since'
             then jsonb_set(error, '{put_off_since}', to_jsonb((error ->> 'put_off_since')::timestamptz - ${by})) else error end
         where state in ('pending', 'begun')`,
        [seconds],
      );
    }
  }

  async function elapse(): Promise<void> {
    await sql(`update deliveries set due_at = now() - interval '1 second', lease_expires_at = lease_expires_at - interval '1 day' where state = 'pending'`);
    await sql(
      `update effects set due_at = now() - interval '1 second', lease_expires_at = lease_expires_at - interval '1 day' where state in ('pending', 'begun')`,
    );
    await sql(`update installations set held_until = now() where held_until > now()`);
    await sql(`update tasks set due_at = now() - interval '1 second' where state = 'pending'`);
    await sql(`update tasks set lease_expires_at = lease_expires_at - interval '1 day' where state in ('running', 'cancelled')`);
  }

  return { now: () => Date.now() + ahead, open, pass, elapse };
}
