import type { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { createRedactor, redactValues } from '../../kernel/redact.ts';
import { cancelled } from '../command.ts';
import { setbackOf, type Patience } from '../patience.ts';

export interface Api {
  /** Whose words an error repeats. */
  service: string;
  base: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** What no message may show, whoever repeats it; asked when there is one to show. The token is one of them anyway. */
  secrets?(): readonly string[];
  /** Likewise: what requests and answers held by a secret's name. `ask` collects it. */
  heard: Set<string>;
  /** How long one answer may take; default 30 s. */
  timeoutMs?: number;
  /** Asks again where that may help; without it each request is made once. */
  patience?: Patience;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

const TIMEOUT_MS = 30_000;

/** What is shorter could be any word. */
const SHORTEST_SECRET = 4;
/** Takes out what is secret here; of this request even what could be any word. */
function maskOf(api: Api, sent: readonly string[]): (text: string) => string {
  const token = api.headers['authorization']?.replace(/^\w+ /, '') ?? '';
  const values = [token, ...api.heard, ...(api.secrets?.() ?? [])].map((value) => value.trim()).filter(({ length }) => length >= SHORTEST_SECRET);
  const literal = [...values, ...sent].toSorted((a, b) => b.length - a.length);
  // The longer ones in each of their spellings, too: in JSON, by lines, in base64.
  const redact = createRedactor(values);
  return (text) => redact(literal.reduce((line, value) => line.replaceAll(value, '***'), text));
}

/** As Vercel, Supabase and GitHub call the fields of requests and answers that hold one. */
const SECRET_FIELD = /^(?:value|pem|db_pass|(?:.*[_-])?(?:api_?key|secret|token|password|private_?key))$/i;

function secretsIn(body: unknown): string[] {
  if (Array.isArray(body)) return body.flatMap(secretsIn);
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'string' ? (SECRET_FIELD.test(name) && value !== '' ? [value] : []) : secretsIn(value),
  );
}

/** Where an answer that is well says what is not. */
const COMPLAINT = /^(?:errors?|failed|warnings?)$/;

/**
 * A service, or a proxy on the way, may repeat what it was sent. Here and nowhere else it is taken out, so that nobody who shows a message can
 * forget it: from all of a refusal, and from what an answer complains of. Before anything is cut or joined: half of a value is found by nobody.
 */
function withoutSecrets(body: unknown, { refused, mask }: { refused: boolean; mask: () => (text: string) => string }): unknown {
  if (refused) return redactValues(body, mask());
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const entries = Object.entries(body).map(([name, value]: [string, unknown]) => [name, COMPLAINT.test(name) ? redactValues(value, mask()) : value]);
  return Object.fromEntries(entries);
}

/** What a service says went wrong, in one line. GitHub and Supabase: `message`; Vercel: `error.message`. */
function messageOf({ status, body }: Answer): string {
  const { message, error, errors } = (body ?? {}) as { message?: unknown; error?: { message?: unknown }; errors?: { message?: unknown }[] };
  const words = [message ?? error?.message, ...(Array.isArray(errors) ? errors.map((one) => one.message) : [])].filter((word) => typeof word === 'string');
  const line = words.join(' ').replaceAll(/\s+/g, ' ').trim();
  return line === '' ? `status ${status}` : line.slice(0, 300);
}

export function unanswered({ service, base, signal }: Api, cause: unknown): BanyanError {
  if (signal.aborted) return cancelled();
  const late = cause instanceof Error && cause.name === 'TimeoutError';
  return new BanyanError('not_found', late ? `${service} did not answer in time (${base}).` : `${service} cannot be reached at ${base}.`, {
    retry: 'transient',
    fix: 'Look at the connection and run the step again: what is done stays done.',
    cause,
  });
}

function bodyOf(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return { message: /^\s*</.test(text) ? 'a page instead of an answer' : text };
  }
}

/** One request. Answers of any status are returned; only a service that gives no whole answer throws, and a limit that lasts. */
export function ask(api: Api, method: string, path: string, body?: unknown): Promise<Answer> {
  const attempt = () => askOnce(api, method, path, body);
  if (!api.patience) return attempt();
  return api.patience.ask(method === 'GET', attempt, (outcome) => {
    if ('value' in outcome) return setbackOf({ ...outcome.value, data: outcome.value.body });
    return outcome.error instanceof BanyanError && outcome.error.retry === 'transient' ? { kind: 'fault' } : null;
  });
}

async function askOnce(api: Api, method: string, path: string, body: unknown): Promise<Answer> {
  if (api.signal.aborted) throw cancelled();
  const sent = secretsIn(body);
  for (const secret of sent) api.heard.add(secret);
  try {
    const response = await fetch(`${api.base.replace(/\/$/, '')}${path}`, {
      method,
      headers: { 'user-agent': 'banyan', ...api.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([api.signal, AbortSignal.timeout(api.timeoutMs ?? TIMEOUT_MS)]),
    });
    const said = bodyOf(await response.text());
    // A refusal repeats what was sent; by the same names it tells of the fields that it refuses.
    if (response.ok) for (const secret of secretsIn(said)) api.heard.add(secret);
    const answered = withoutSecrets(said, { refused: !response.ok, mask: () => maskOf(api, sent) });
    return { status: response.status, body: answered, headers: Object.fromEntries(response.headers) };
  } catch (cause) {
    throw unanswered(api, cause);
  }
}

const STAYS = 'run the step again: what is done stays done.';

/** @throws BanyanError for an answer that is none of the wanted statuses; `retry` says whether the same may go well later */
export function expectStatus(api: Api, what: string, answer: Answer, wanted: readonly number[]): Answer {
  const { status } = answer;
  if (wanted.includes(status)) return answer;
  const message = `${api.service}: ${what}: ${messageOf(answer)} (${status}).`;
  const data = { status };
  if (status === 401 || status === 403) throw new BanyanError('forbidden', message, { fix: `Give a token that may do this, and ${STAYS}`, data });
  if (status === 429) throw new BanyanError('limit_reached', message, { retry: 'transient', fix: `Wait some minutes, and ${STAYS}`, data });
  if (status >= 500) throw new BanyanError('config_invalid', message, { retry: 'transient', fix: `${api.service} has a fault: wait, and ${STAYS}`, data });
  throw new BanyanError('config_invalid', message, { fix: `Correct it and ${STAYS}`, data });
}

/** @throws BanyanError for an answer without what is read of it; no part of it is shown, because it may hold a secret */
export function readAs<T>(api: Api, what: string, schema: z.ZodType<T>, { status, body }: Answer): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'the whole'))].slice(0, 5).join(', ');
  throw new BanyanError('config_invalid', `${api.service}: ${what}: the answer is not understood (${fields}).`, {
    fix: `Look whether ${api.base} is the API of ${api.service}, and ${STAYS}`,
    data: { status },
  });
}
