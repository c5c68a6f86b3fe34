import { call } from './call.ts';
import type { Store, Transport } from './contract.ts';

export type IntakeStore = Pick<Store, 'receiveDelivery' | 'close'>;

/** The one call that the webhook function makes. */
export function createIntakeStore(transport: Transport): IntakeStore {
  return {
    async receiveDelivery(delivery) {
      const { status } = await call<{ status: 'accepted' | 'duplicate' }>(transport, 'receive_delivery', {
        p_guid: delivery.guid,
        p_event: delivery.event,
        p_action: delivery.action,
        p_installation_id: delivery.installationId,
        p_repository: delivery.repository,
        p_number: delivery.number,
        p_issue_hint: delivery.issueHint,
        p_body: delivery.body,
      });
      return status;
    },
    close: () => transport.close(),
  };
}
