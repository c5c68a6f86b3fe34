import { generateKeyPairSync } from 'node:crypto';
import { isSignedBy, readPublicKey, readSignature, SIGNATURE_WINDOW_SECONDS } from '../domain/message-signature.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { AgentIdentity } from '../store/agent-contract.ts';
import type { Store } from '../store/contract.ts';

/*
 * Who an agent of elsewhere is. Whatever is wrong with a request before its signature was found good has one answer, and takes the same steps: nobody
 * learns which agents there are, or what was wrong.
 */

/** A nonce is kept past the last moment at which its signature counts, whatever the clocks of two processes say. */
const NONCE_SECONDS = 4 * SIGNATURE_WINDOW_SECONDS;

function unauthorized(): BanyanError {
  return new BanyanError('unauthorized', 'The request is not signed by an agent of this deployment, or its signature is too old or was used before.');
}

export interface Access {
  /** @throws BanyanError `unauthorized`; `forbidden` where the agent is known and may not work any more */
  admit(request: Request, path: string, body: Uint8Array): Promise<AgentIdentity>;
}

export function createAccess(store: Pick<Store, 'readAgentKey' | 'admitAgent'>, now: () => Date = () => new Date()): Access {
  // Whoever names an agent that does not exist waits as long as everybody.
  const nobody = generateKeyPairSync('ed25519').publicKey;
  return {
    async admit(request, path, body) {
      const read = readSignature({ method: request.method, path, body, headers: request.headers }, now());
      if (!read) throw unauthorized();
      const agent = await store.readAgentKey(read.keyId);
      const isSigned = isSignedBy(read, readPublicKey(agent?.public_key ?? '') ?? nobody);
      if (!agent || !isSigned) throw unauthorized();
      const state = await store.admitAgent(agent.id, read.nonce, new Date((read.created + NONCE_SECONDS) * 1000));
      if (state === null) throw unauthorized();
      if (state === 'retired' || state === 'stopped') throw new BanyanError('forbidden', `This agent is ${state}.`);
      return { ...agent, state };
    },
  };
}
