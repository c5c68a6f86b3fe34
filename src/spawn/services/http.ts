import { BanyanError } from '../../kernel/errors.ts';

export interface Api {
  /** Whose words an error repeats. */
  service: string;
  base: string;
  headers: Record<string, string>;
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  body: unknown;
}

const TIMEOUT_MS = 30_000;

/** What a service says went wrong, in one line. GitHub: `message`; Vercel: `error.message`. */
function messageOf({ status, body }: Answer): string {
  const { message, error, errors } = (body ?? {}) as { message?: unknown; error?: { message?: unknown }; errors?: { message?: unknown }[] };
  const words = [message ?? error?.message, ...(Array.isArray(errors) ? errors.map((one) => one.message) : [])].filter((word) => typeof word === 'string');
  return words.length > 0 ? words.join(' ').slice(0, 300) : `status ${status}`;
}

/** One request. Answers of any status are returned; only a service that cannot be reached throws. */
export async function ask(api: Api, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${api.base.replace(/\/$/, '')}${path}`, {
    method,
    headers: { 'user-agent': 'banyan', ...api.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([api.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((cause: unknown) => {
    throw new BanyanError('not_found', `${api.service} cannot be reached at ${api.base}.`, {
      retry: 'transient',
      fix: 'Look at the connection and run the step again.',
      cause,
    });
  });
  const text = await response.text();
  try {
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  } catch {
    return { status: response.status, body: { message: text.slice(0, 300) } };
  }
}

/** @throws BanyanError for an answer that is none of the wanted statuses */
export function expectStatus(api: Api, what: string, answer: Answer, wanted: readonly number[]): Answer {
  if (wanted.includes(answer.status)) return answer;
  const denied = answer.status === 401 || answer.status === 403;
  throw new BanyanError(denied ? 'forbidden' : 'config_invalid', `${api.service}: ${what}: ${messageOf(answer)} (${answer.status}).`, {
    fix: denied
      ? 'Give a token that may do this, and run the step again: what is done stays done.'
      : 'Correct it and run the step again: what is done stays done.',
    data: { status: answer.status },
  });
}
