import { call } from './call.ts';
import type { DeliveryContext, Store, Transport } from './contract.ts';
import type { TicketSnapshot } from '../domain/model.ts';

type DeliveryCalls = Pick<Store, 'openDelivery' | 'applyIntents' | 'failDelivery' | 'ticketSnapshot'>;

export function deliveryCalls(transport: Transport): DeliveryCalls {
  return {
    openDelivery: (input) =>
      call<DeliveryContext>(transport, 'open_delivery', {
        p_guid: input.guid,
        p_worker: input.worker,
        p_installation_id: input.installationId,
        p_account: input.account,
        p_repository: input.repository,
        p_number: input.number,
      }),
    applyIntents: (guid, worker, ref, intents) =>
      call<{ status: 'applied' | 'repeated' | 'conflict' | 'lost' }>(transport, 'apply_intents', {
        p_guid: guid,
        p_worker: worker,
        p_project_id: ref?.project_id ?? null,
        p_number: ref?.number ?? null,
        p_expect_version: ref?.expect_version ?? null,
        p_intents: intents,
        p_said: ref?.said ?? null,
      }),
    async failDelivery(guid, worker, error, retryAt) {
      await call(transport, 'fail_delivery', { p_guid: guid, p_worker: worker, p_error: error, p_retry_at: retryAt, p_said_at: new Date() });
    },
    ticketSnapshot: (ticketId) => call<TicketSnapshot>(transport, 'ticket_snapshot', { p_ticket_id: ticketId }),
  };
}
