import { call } from './call.ts';
import type { Transport } from './contract.ts';
import type { WatchItem, WatchStore } from './watch-contract.ts';

export function watchCalls(transport: Transport): WatchStore {
  return {
    watchClaim: (job, limit, leaseSeconds, lookedBefore) =>
      call<WatchItem[]>(transport, 'watch_claim', { p_job: job, p_limit: limit, p_lease_seconds: leaseSeconds, p_looked_before: lookedBefore ?? null }),
    async watchSettle(job, { subject, looks }, { finding, nextLookSeconds, memory, act }) {
      const { status } = await call<{ status: 'settled' | 'lost' | 'conflict' }>(transport, 'watch_settle', {
        p_job: job,
        p_subject: subject,
        p_looks: looks,
        p_finding: finding,
        p_next_seconds: nextLookSeconds,
        p_memory: memory,
        p_ticket_id: act?.ticketId ?? null,
        p_expect_version: act?.expectVersion ?? null,
        p_intents: act?.intents ?? [],
        p_unless_unread: act?.unlessUnread ?? false,
      });
      return status;
    },
    watchGiveBack: (job, items) =>
      call<number>(transport, 'watch_give_back', {
        p_job: job,
        p_items: items.map(({ subject, looks, looked_before }) => ({ subject, looks, looked_before })),
      }),
    watchFail: (job, { subject, looks }, error) =>
      call<number | null>(transport, 'watch_fail', { p_job: job, p_subject: subject, p_looks: looks, p_error: error }),
    async watchReport(job, startedAt, report) {
      await call(transport, 'watch_report', { p_job: job, p_started_at: startedAt, p_report: report });
    },
    watchForget: ({ limit, days }) => call(transport, 'watch_forget', { p_limit: limit, p_days: days }),
  };
}
