import { z } from 'zod';
import { readPublicKey } from '../domain/message-signature.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import type { AgentIdentity } from '../store/agent-contract.ts';
import { toolsFor } from '../tools/index.ts';
import { createAccess } from './elsewhere-access.ts';
import { ElsewhereWork } from './elsewhere-work.ts';
import type { EngineParts } from './parts.ts';

/** The routes of agents of elsewhere; `elsewhere-work.ts` says what such an agent is. */

const MAX_BODY_BYTES = 2 * 1024 * 1024;
const MAX_CHANGES = 200;

const taskBody = z.object({ task: z.uuid() });
const resultBody = taskBody.extend({
  result: z.record(z.string(), z.unknown()),
  changes: z
    .array(z.union([z.strictObject({ path: z.string().min(1), content: z.string() }), z.strictObject({ path: z.string().min(1), deleted: z.literal(true) })]))
    .max(MAX_CHANGES)
    .default([]),
});
const registerBody = z.object({
  organization: z.string().min(1).max(100),
  role: z.string().min(1).max(100),
  name: z.string().trim().min(1).max(100),
  key: z.string().refine((text) => readPublicKey(text) !== null, 'is no Ed25519 public key of `banyan agent keygen`'),
});
const retireBody = z.object({ agent: z.uuid() });

const STATUS: Partial<Record<BanyanError['code'], number>> = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  lease_lost: 409,
  payload_invalid: 400,
  payload_too_large: 413,
};

export interface Elsewhere {
  /** A signed request of an agent. */
  agent(request: Request, action: string): Promise<Response>;
  /** A request of an administrator, who is known already: `register` or `retire`. */
  administrator(request: Request, action: string): Promise<Response>;
}

/** @param nudge called when a worker of this deployment has something to go on with */
export function createElsewhere(parts: EngineParts, nudge: () => void): Elsewhere {
  const { store, roles, log } = parts;
  const access = createAccess(store);
  const work = new ElsewhereWork(parts, nudge);

  async function perform(agent: AgentIdentity, action: string, body: unknown): Promise<object> {
    switch (action) {
      case 'heartbeat':
        return { agent: agent.id, role: agent.role, state: agent.state };
      case 'claim':
        return work.claim(agent);
      case 'renew':
        return work.renew(agent, parse(taskBody, body).task);
      case 'release':
        return work.release(agent, parse(taskBody, body).task);
      case 'result':
        return work.handIn(agent, parse(resultBody, body));
      default:
        throw new BanyanError('not_found', 'There is no such action.');
    }
  }

  async function administer(action: string, body: unknown): Promise<object> {
    if (action === 'retire') {
      await store.retireAgent(parse(retireBody, body).agent);
      return { status: 'retired' };
    }
    const { organization, role, name, key } = parse(registerBody, body);
    const known = roles.get(role);
    if (!known) throw new BanyanError('payload_invalid', `There is no role "${role}"; there are ${[...roles.keys()].join(', ')}.`);
    const capabilities = toolsFor(known.permissions).map((tool) => tool.name);
    return store.registerAgent({ organization, role, name, publicKey: key, capabilities });
  }

  async function answer(action: string, act: () => Promise<object>): Promise<Response> {
    try {
      return Response.json(await act());
    } catch (thrown) {
      const error = withStatus(toBanyanError(thrown), action);
      const status = STATUS[error.code] ?? 503;
      if (status === 503) log.error({ action, code: error.code, err: error }, `a request of an agent failed: ${error.message}`);
      const message = status === 503 ? 'The request could not be handled.' : error.message;
      return Response.json({ error: { code: status === 503 ? 'unavailable' : error.code, message } }, { status });
    }
  }

  return {
    agent: (request, action) =>
      answer(action, async () => {
        const bytes = await readBody(request);
        const agent = await access.admit(request, `/api/agents/${action}`, bytes);
        return perform(agent, action, parseJson(bytes));
      }),
    administrator: (request, action) => answer(action, async () => administer(action, parseJson(await readBody(request)))),
  };
}

const UNKNOWN: Record<string, string> = {
  register:
    'There is no such organization here. Banyan knows one from the first delivery of its GitHub App on: install the App there, open or comment on an issue, and register again.',
  retire: 'There is no such agent.',
};

/** What the database does not know. */
function withStatus(error: BanyanError, action: string): BanyanError {
  if (error.code !== 'database_error' || error.data['sqlstate'] !== 'PT404') return error;
  return new BanyanError('not_found', UNKNOWN[action] ?? 'There is no such organization or agent.', { cause: error });
}

async function readBody(request: Request): Promise<Uint8Array> {
  const tooLarge = () => new BanyanError('payload_too_large', `A body has at most ${MAX_BODY_BYTES} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  return bytes;
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch (cause) {
    throw new BanyanError('payload_invalid', 'The body is no JSON.', { cause });
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new BanyanError('payload_invalid', z.prettifyError(parsed.error));
}
