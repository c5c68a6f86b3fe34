import { createHmac } from 'node:crypto';
import examples from '@octokit/webhooks-examples' with { type: 'json' };
import { readEnvelope } from '../../../src/domain/intake.ts';

export const SECRET = 'the secret of the benchmark';

/** One of GitHub's own examples, signed. */
export interface Payload {
  event: string;
  body: Buffer;
  signature: string;
}

/** The examples that Banyan stores; what it leaves alone would be no work for it. */
export function readPayloads(): Payload[] {
  const events = examples as unknown as { name: string; examples: unknown[] }[];
  return events.flatMap(({ name, examples: payloads }) =>
    payloads
      .filter((payload) => readEnvelope(name, payload).ignored === null)
      .map((payload) => {
        const body = Buffer.from(JSON.stringify(payload));
        return { event: name, body, signature: `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}` };
      }),
  );
}
