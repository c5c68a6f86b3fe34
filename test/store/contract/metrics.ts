import { beforeEach, describe, expect, it } from 'vitest';
import { METRICS, renderMetrics } from '../../../src/domain/metrics.ts';
import { parseExposition, valueOf } from '../../support/prometheus.ts';
import type { Exposition } from '../../support/prometheus.ts';
import { aDelivery, addTask, aiMessage, aPlace, aTaskAtWork, aTicketAtWork, createDesk, effect, LEASE, only, openTicket, toolMessage } from '../builders.ts';
import type { Harness } from '../harness.ts';

const scraped = async ({ store }: Harness): Promise<Exposition> => parseExposition(renderMetrics(await store.metrics(), 'test'));
const totals = ({ samples }: Exposition) => samples.filter(({ name }) => /_(?:total|bucket|sum|count)$/.test(name));

export function metricsContract(use: () => Harness): void {
  describe('metrics', () => {
    beforeEach(async () => {
      // What tests before this one left in the logs is counted, then forgotten.
      await use().store.metrics();
      await use().sql('delete from banyan.metric_increments');
      await use().sql('delete from banyan.metric_totals');
    });

    it('count what a conversation does, by role, model and tool', async () => {
      const { store } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      const steps = [
        aiMessage({ model: 'openai:a', tokens_in: 100, tokens_out: 7, cost_usd: 0.25, duration_ms: 3_000 }),
        toolMessage({ tool_name: 'read_file', duration_ms: 40 }),
        toolMessage({ tool_name: 'no_such_tool', is_error: true, duration_ms: 1 }),
        aiMessage({ model: 'openai:a', tokens_in: 50, tokens_out: 3, cost_usd: 0.5, duration_ms: 700_000 }),
      ];
      await store.appendMessages(taskId, 'w', steps);
      const read = await scraped(use());
      const by = { role: 'developer', model: 'openai:a' };
      expect(valueOf(read, 'banyan_model_calls_total', by)).toBe(2);
      expect(valueOf(read, 'banyan_tokens_total', { ...by, direction: 'in' })).toBe(150);
      expect(valueOf(read, 'banyan_tokens_total', { ...by, direction: 'out' })).toBe(10);
      expect(valueOf(read, 'banyan_cost_usd_total', by)).toBe(0.75);
      expect(valueOf(read, 'banyan_tool_calls_total', { tool: 'read_file', result: 'ok' })).toBe(1);
      // A name that a model made up is no label.
      expect(valueOf(read, 'banyan_tool_calls_total', { tool: 'other', result: 'error' })).toBe(1);
      expect(valueOf(read, 'banyan_step_seconds_count', { role: 'developer', kind: 'model' })).toBe(2);
      expect(valueOf(read, 'banyan_step_seconds_sum', { kind: 'model' })).toBe(703);
      const below = (le: string, kind: string) => valueOf(read, 'banyan_step_seconds_bucket', { kind, le });
      expect([below('2.5', 'model'), below('5', 'model'), below('600', 'model'), below('1800', 'model')]).toEqual([0, 1, 1, 2]);
      expect([below('0.05', 'tool'), below('+Inf', 'tool')]).toEqual([2, 2]);
    });

    it('count deliveries, tasks, effects and failures by what came of them, and what is open now', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store, [addTask('develop:1'), addTask('qa:1', { role: 'qa', after: ['develop:1'] }), effect('one'), effect('two')]);
      const place = aPlace();
      await store.receiveDelivery(aDelivery(place, 1));
      await sql(`update public.deliveries set due_at = now() - interval '90 seconds' where state = 'pending'`);
      const before = await scraped(use());
      expect(valueOf(before, 'banyan_queue_due', { queue: 'deliveries' })).toBe(1);
      expect(valueOf(before, 'banyan_queue_oldest_due_seconds', { queue: 'deliveries' })).toBeGreaterThanOrEqual(90);
      expect(valueOf(before, 'banyan_queue_due', { queue: 'tasks' })).toBe(1);
      expect(valueOf(before, 'banyan_tasks', { role: 'qa', state: 'blocked' })).toBe(1);
      expect(valueOf(before, 'banyan_deliveries_total', { event: 'issues', result: 'processed' })).toBeGreaterThanOrEqual(1);

      const claims = await store.claim('w', { deliveries: 5, effects: 5, tasks: 5, leaseSeconds: LEASE });
      const [first, second] = claims.effects;
      await store.settleEffect(first!.key, 'w', { generation: first!.generation, result: {} });
      await store.failEffect(second!.key, 'w', { code: 'github_unavailable' }, new Date(Date.now() + 60_000));
      await store.failDelivery(only(claims.deliveries).guid, 'w', { code: 'payload_invalid' }, null);
      const task = only(claims.tasks).task.id;
      const during = await scraped(use());
      expect(valueOf(during, 'banyan_tasks', { role: 'developer', state: 'running' })).toBe(1);
      expect(valueOf(during, 'banyan_workers_busy')).toBe(1);
      expect(valueOf(during, 'banyan_task_wait_seconds_count', { role: 'developer' })).toBe(1);

      const { version } = (await desk.snapshot()).ticket;
      await store.completeTask(task, 'w', {}, { expectVersion: version, intents: [{ type: 'set_run', state: 'completed' }] });
      const after = await scraped(use());
      expect(valueOf(after, 'banyan_effects_total', { result: 'settled' })).toBe(1);
      expect(valueOf(after, 'banyan_effect_retries_total')).toBe(1);
      expect(valueOf(after, 'banyan_failures_total', { work: 'effect', code: 'github_unavailable' })).toBe(1);
      expect(valueOf(after, 'banyan_failures_total', { work: 'delivery', code: 'payload_invalid' })).toBe(1);
      expect(valueOf(after, 'banyan_deliveries_total', { result: 'dead' })).toBe(1);
      expect(valueOf(after, 'banyan_given_up', { work: 'delivery' })).toBe(1);
      expect(valueOf(after, 'banyan_tasks_total', { role: 'developer', state: 'completed' })).toBe(1);
      expect(valueOf(after, 'banyan_runs_total', { state: 'completed' })).toBe(1);
    });

    it('tell the age of the oldest, however long its queue is', async () => {
      const { store, sql } = use();
      await aTicketAtWork(store, [addTask('a'), addTask('b'), addTask('c')]);
      await createDesk(store).deliver([openTicket(12), effect('one'), effect('two')]);
      const place = aPlace();
      for (const number of [1, 2]) await store.receiveDelivery(aDelivery(place, number));
      const [{ limit } = { limit: '' }] = await sql<{ limit: string }>(`select pg_get_functiondef('banyan.metric_count_limit'::regproc) as limit`);
      await sql(`create or replace function banyan.metric_count_limit() returns integer language sql immutable set search_path = '' as 'select 1'`);
      try {
        // The last that a short look would come to; one that was put off, and one that was ready from the beginning.
        const ago = (hours: number) => `set due_at = now() - interval '${hours} hours'`;
        const early = `, created_at = created_at - interval '5 hours'`;
        await sql(`update public.tasks ${ago(4)} where id = (select id from public.tasks where state = 'pending' order by ctid desc limit 1)`);
        await sql(`update public.deliveries ${ago(3)}, received_at = received_at - interval '5 hours' where seq = (select max(seq) from public.deliveries)`);
        await sql(`update public.effects ${ago(2)}${early} where position = (select max(position) from public.effects)`);
        for (const late of ['ctid', 'ctid desc']) {
          await sql(`update public.tasks set updated_at = now() where id = (select id from public.tasks where state = 'pending' order by ${late} limit 1)`);
          const read = await scraped(use());
          const ages = ['tasks', 'deliveries', 'effects'].map((queue) =>
            Math.floor((valueOf(read, 'banyan_queue_oldest_due_seconds', { queue }) ?? 0) / 3_600),
          );
          expect(ages).toEqual([4, 3, 2]);
          expect(['tasks', 'deliveries', 'effects'].map((queue) => valueOf(read, 'banyan_queue_due', { queue }))).toEqual([1, 1, 1]);
        }
      } finally {
        await sql(limit);
      }
    });

    it('rise only, whatever is deleted', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w', [effect('e')]);
      await store.appendMessages(taskId, 'w', [aiMessage(), toolMessage()]);
      const before = await scraped(use());
      await sql('delete from public.organizations');
      await sql('delete from public.deliveries');
      expect(totals(before).length).toBeGreaterThan(20);
      expect(totals(await scraped(use()))).toEqual(totals(before));
    });

    it('tell of the last run of every job, and of what jobs found', async () => {
      const { store, sql } = use();
      const report = { looked: 7, acted: 2, failed: 1, more: false, did: { asked: 2 }, error: null };
      for (const job of ['first', 'second', 'third']) await store.watchReport(job, new Date(Date.now() - 1_000), report);
      await store.watchReport('second', new Date(), { ...report, error: { code: 'database_unavailable' } });
      await sql(`insert into banyan.watch_marks (job, subject, next_look_at, failures) values ('first', 'a', now(), 3), ('first', 'b', now(), 0)`);
      await sql(`update banyan.watch_marks set finding = 'odd' where subject = 'b'`);
      const read = await scraped(use());
      await sql('delete from banyan.watch_marks');
      expect(['first', 'second', 'third'].map((job) => valueOf(read, 'banyan_watch_last_run_ok', { job }))).toEqual([1, 0, 1]);
      expect(valueOf(read, 'banyan_watch_last_run_age_seconds', { job: 'first' })).toBeLessThan(600);
      expect(valueOf(read, 'banyan_watch_runs_total', { job: 'second', result: 'failed' })).toBe(1);
      expect(valueOf(read, 'banyan_watch_looked_total', { job: 'second' })).toBe(14);
      expect(valueOf(read, 'banyan_watch_did_total', { job: 'first', did: 'asked' })).toBe(2);
      expect(valueOf(read, 'banyan_watch_marks_failing', { job: 'first' })).toBe(1);
      expect([valueOf(read, 'banyan_watch_findings', { job: 'first' }), valueOf(read, 'banyan_watch_findings_total', { job: 'first' })]).toEqual([1, 1]);
    });

    it("tell what is left of GitHub's limits", async () => {
      const { store, sql } = use();
      await aTicketAtWork(store);
      const [installation] = await sql<{ id: number; account_login: string }>('select id, account_login from public.installations');
      await store.reserveGitHub({
        installationId: installation!.id,
        holder: 'process',
        need: { points: 5, creations: 1 },
        want: { points: 5, creations: 1, slots: 1 },
        returns: [],
      });
      const account = installation!.account_login;
      const read = await scraped(use());
      expect(valueOf(read, 'banyan_github_points_left', { account })).toBe(895);
      expect(valueOf(read, 'banyan_github_creations_left', { account })).toBe(79);
      expect(valueOf(read, 'banyan_github_held_seconds', { account })).toBe(0);
    });

    it('have a bounded number of series, and lose nothing that is counted', async () => {
      const { sql } = use();
      await sql(`insert into banyan.metric_increments (metric, labels, value)
        select 'banyan_effects_total', jsonb_build_object('kind', 'kind ' || i % 1000, 'result', 'settled'), 1 from generate_series(1, 3000) i`);
      const read = await scraped(use());
      const effects = read.samples.filter(({ name }) => name === 'banyan_effects_total');
      expect(effects.length).toBe(201);
      expect(valueOf(read, 'banyan_effects_total')).toBe(3000);
      expect(valueOf(read, 'banyan_effects_total', { kind: 'other', result: 'other' })).toBe(2400);
      // What nobody scrapes does not pile up.
      expect(await sql('select 1 from banyan.metric_increments')).toEqual([]);
    });

    it('are folded where nobody reads them', async () => {
      const { sql } = use();
      for (let part = 0; part < 3; part += 1) {
        await sql(
          `insert into banyan.metric_increments (metric, labels, value) select 'banyan_effects_total', '{"kind": "x"}', 1 from generate_series(1, 1000) i`,
        );
      }
      const [left] = await sql<{ rows: number | string }>('select count(*) as rows from banyan.metric_increments');
      expect(Number(left?.rows)).toBeLessThan(1024);
    });

    it('have a meaning for every name that the database counts under', async () => {
      const functions = await use().sql<{ text: string }>(
        `select prosrc as text from pg_proc where pronamespace in ('banyan'::regnamespace, 'public'::regnamespace) and prosrc like '%''banyan\\_%'`,
      );
      const named = functions.flatMap(({ text }) => [...text.matchAll(/'(banyan_[a-z_]+)'/g)].map((match) => match[1] ?? ''));
      expect([...new Set(named), 'banyan_info'].toSorted()).toEqual(Object.keys(METRICS).toSorted());
    });
  });
}
