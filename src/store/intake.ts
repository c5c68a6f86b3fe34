import { call } from './call.ts';
import type { NewDelivery, Store, Transport } from './contract.ts';
import { gather } from './gather.ts';

export type IntakeStore = Pick<Store, 'receiveDelivery' | 'close'>;

type Status = 'accepted' | 'duplicate';

/** Two: while one commits, the next is on its way. More calls would be smaller ones, and cost more each. */
const CALLS_AT_ONCE = 2;
const MAX_DELIVERIES = 32;
/** Of the bodies of one call; a larger delivery goes alone. */
const MAX_CHARACTERS = 1024 * 1024;

/** Stands between the bodies of one call, as in RFC 7464: no JSON text holds this character as it is. */
const SEPARATOR = '\u001E';

async function receiveOne(transport: Transport, delivery: NewDelivery): Promise<Status> {
  const { status } = await call<{ status: Status }>(transport, 'receive_delivery', {
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
}

/** The first of a GUID that comes twice is the accepted one. */
async function receiveTogether(transport: Transport, deliveries: NewDelivery[]): Promise<Status[]> {
  const accepted = await call<string[]>(transport, 'receive_deliveries', {
    p_deliveries: deliveries.map((delivery) => ({
      guid: delivery.guid,
      event: delivery.event,
      action: delivery.action,
      installation_id: delivery.installationId,
      repository: delivery.repository,
      number: delivery.number,
      issue_hint: delivery.issueHint,
    })),
    p_bodies: deliveries.map(({ body }) => body).join(SEPARATOR),
  });
  const fresh = new Set(accepted);
  return deliveries.map(({ guid }) => (fresh.delete(guid) ? 'accepted' : 'duplicate'));
}

/** What became of one of several. */
type Received = PromiseSettledResult<Status>;

const fulfilled = (value: Status): Received => ({ status: 'fulfilled', value });

/** The one call that the webhook function makes. Each delivery is committed before it is answered, those that come at the same time in one transaction. */
export function createIntakeStore(transport: Transport): IntakeStore {
  /** One after the other: what made them fail together is not to meet the others again. */
  async function alone(deliveries: NewDelivery[]): Promise<Received[]> {
    const outcomes: Received[] = [];
    for (const delivery of deliveries) outcomes.push(...(await Promise.allSettled([receiveOne(transport, delivery)])));
    return outcomes;
  }

  async function receive(deliveries: NewDelivery[]): Promise<Received[]> {
    if (deliveries.length === 1 || deliveries.some(({ body }) => body.includes(SEPARATOR))) return alone(deliveries);
    try {
      return (await receiveTogether(transport, deliveries)).map(fulfilled);
    } catch {
      // One of them may be what it failed for, and a gateway does not always say so. Each is to have its own answer.
      return alone(deliveries);
    }
  }

  const received = gather({
    atOnce: CALLS_AT_ONCE,
    maxItems: MAX_DELIVERIES,
    maxWeight: MAX_CHARACTERS,
    weigh: (delivery: NewDelivery) => delivery.body.length,
    run: receive,
  });
  return {
    async receiveDelivery(delivery) {
      const outcome = await received(delivery);
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    },
    close: () => transport.close(),
  };
}
