interface SecretPattern {
  kind: string;
  /** Global and linear: no run of characters is tried again from each of its positions. Where there are two groups, the second is the secret. */
  regex: RegExp;
  /** Refuses what only looks like one. */
  accept?: (secret: string) => boolean;
}

export interface FoundSecret {
  kind: string;
  index: number;
}

interface Span extends FoundSecret {
  end: number;
}

const hasDigit = (secret: string) => /\d/.test(secret);
const isMixed = (secret: string) => hasDigit(secret) && ((/[A-Z]/.test(secret) && /[a-z]/.test(secret)) || /[0-9a-f]{32}/.test(secret));

/** Passwords of examples and templates: `postgres://user:password@host`, `https://x:${TOKEN}@host`. */
const PLACEHOLDER =
  /^(?:your|my|the|some)?[-_]?(?:pass|password|passwd|postgres|secret|user|token|example|changeme|test|x+|\*+|\.+)$|[${}<>[\]]|%s|%\(|%[A-Z_]{3,}%/i;
/** True for what examples and templates have in the place of a secret. */
export const isPlaceholder = (secret: string): boolean => PLACEHOLDER.test(secret);
const isNoPlaceholder = (secret: string) => !isPlaceholder(secret);

/** Quotes around a name or a value, those of a text inside a JSON string too: `\"`. */
const QUOTE = String.raw`(?:\\{0,7}["'])?`;
/** Between a name and its value. */
const IS = String.raw`${QUOTE}\s{0,8}[=:]\s{0,8}${QUOTE}`;

/** A value that its name tells. */
function named(names: string, value: string): RegExp {
  return new RegExp(`((?:${names})${IS})(${value})`, 'gi');
}

/** In order of precedence: where two overlap, the earlier pattern names the secret. Where a match may begin is asked afterwards: see `isBeginning`. */
const PATTERNS: readonly SecretPattern[] = [
  // The body stops at the next run of five dashes; a mention of the header alone is no key.
  {
    kind: 'private_key',
    regex: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
    accept: (key) => /[A-Za-z0-9+/=]{32}/.test(key.slice(key.indexOf('KEY'))),
  },
  { kind: 'private_key', regex: /LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{60,}={0,2}/g },
  // Installation tokens since 2026 hold a JWT: dots, dashes and some 500 characters.
  { kind: 'github_token', regex: /gh[pousr]_[A-Za-z0-9._-]{36,}/g },
  { kind: 'github_token', regex: /v1\.[0-9a-f]{40}\b/g },
  { kind: 'github_token', regex: /github_pat_[A-Za-z0-9_]{22,}/g },
  { kind: 'anthropic_key', regex: /sk-ant-[A-Za-z0-9_-]{20,}/g },
  { kind: 'openai_key', regex: /sk-[A-Za-z0-9_-]{20,}/g, accept: (key) => hasDigit(key) && /[A-Z]|[0-9a-f]{32}/.test(key) },
  { kind: 'aws_access_key', regex: /(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g },
  { kind: 'aws_secret_key', regex: named('secret_?access_?key', '[A-Za-z0-9/+=]{40}') },
  { kind: 'aws_session_token', regex: named('aws_?session_?token|SessionToken', '[A-Za-z0-9/+=]{100,}') },
  { kind: 'google_key', regex: /AIza[0-9A-Za-z_-]{35}/g },
  { kind: 'google_key', regex: /AQ\.[A-Za-z0-9_-]{35,}/g, accept: isMixed },
  { kind: 'google_key', regex: /GOCSPX-[A-Za-z0-9_-]{28}/g },
  { kind: 'google_token', regex: /ya29\.[A-Za-z0-9_-]{20,}/g },
  { kind: 'slack_token', regex: /xoxe\.xox[bp]-\d-[A-Za-z0-9-]{20,}/g },
  { kind: 'slack_token', regex: /xox[abceoprs]-[A-Za-z0-9-]{10,}/g },
  { kind: 'slack_token', regex: /xapp-\d-[A-Za-z0-9-]{10,}/g },
  { kind: 'slack_webhook', regex: /hooks\.slack\.com\/services\/[A-Z0-9]{6,20}\/[A-Z0-9]{6,20}\/[A-Za-z0-9]{16,}/g },
  { kind: 'stripe_key', regex: /[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g },
  { kind: 'webhook_secret', regex: /whsec_[A-Za-z0-9+/=_-]{20,}/g },
  { kind: 'supabase_key', regex: /sb_secret_[A-Za-z0-9_-]{20,}/g },
  { kind: 'supabase_key', regex: /sbp_(?:oauth_)?[a-f0-9]{40}/g },
  // A token of a person, an integration, an app, its refresh, and a key of the AI gateway.
  { kind: 'vercel_token', regex: /vc[piark]_[A-Za-z0-9]{24,}/g },
  { kind: 'vercel_token', regex: /vercel_blob_rw_[A-Za-z0-9_]{20,}/g },
  { kind: 'gitlab_token', regex: /gl(?:pat|dt|rt|ptt|oas|agent|cbt)-[A-Za-z0-9_-]{20,}/g },
  { kind: 'huggingface_token', regex: /hf_[A-Za-z0-9]{30,}/g },
  { kind: 'groq_key', regex: /gsk_[A-Za-z0-9]{40,}/g },
  { kind: 'xai_key', regex: /xai-[A-Za-z0-9]{60,}/g },
  { kind: 'pypi_token', regex: /pypi-AgE[A-Za-z0-9_-]{40,}/g },
  { kind: 'sendgrid_key', regex: /SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g },
  { kind: 'digitalocean_token', regex: /do[opr]_v1_[a-f0-9]{64}/g },
  { kind: 'azure_key', regex: /(AccountKey=)([A-Za-z0-9+/]{86}==)/g },
  { kind: 'npm_token', regex: /npm_[A-Za-z0-9]{36}/g },
  // Where it begins is asked at once: each of its characters could begin another.
  {
    kind: 'jwt',
    regex:
      /(?<=(?:^|[^A-Za-z0-9_-]|\\[bfnrt]|\\u[0-9a-f]{4}|%(?:25)*[0-9A-F]{2}|\[[\d;]{0,12}m))eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g,
  },
  {
    kind: 'bearer_token',
    regex: new RegExp(String.raw`((?:bearer|authorization${IS}(?:basic|token))\s{1,8})([A-Za-z0-9._~+/=-]{20,})`, 'gi'),
    accept: hasDigit,
  },
  { kind: 'api_key', regex: named('x-api-key|x-goog-api-key|apikey', '[A-Za-z0-9._~+/=-]{20,}'), accept: hasDigit },
  // Up to the last @ before the host: many a password has one of its own.
  {
    kind: 'url_credentials',
    regex: /([a-z][a-z0-9+.-]{1,20}(?::|%3A)(?:\/|%2F){2}[^\s/:@"'`%]{0,256}(?::|%3A))([^\s/"'`]{3,256})(?=@|%40)/gi,
    accept: isNoPlaceholder,
  },
  {
    kind: 'url_credentials',
    regex: /((?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?):\/\/[^\s/:@"'`]{0,256}:)([^\s"'`]{3,256})(?=@)/gi,
    accept: isNoPlaceholder,
  },
  { kind: 'url_credentials', regex: /(https?:\/\/)([A-Za-z0-9_-]{20,})(?=@)/gi, accept: hasDigit },
  {
    kind: 'connection_password',
    regex:
      /((?:host|server|data source|dbname|user id|user)\s{0,4}=[^\n"'\\]{1,200}?(?:password|pwd)\s{0,4}=\s{0,4}|PGPASSWORD=\\{0,7}["']?)([^\s;"'&\\]{6,256})/gi,
    accept: isNoPlaceholder,
  },
  // Whatever form it has: `VERCEL_TOKEN=`, `"CRON_SECRET": `.
  { kind: 'named_secret', regex: named('[A-Z0-9]_(?:TOKEN|SECRET|SECRET_KEY|API_KEY|PRIVATE_KEY|ACCESS_KEY)', '[A-Za-z0-9+/=_~-]{20,}'), accept: isMixed },
];

/** In base64, as configuration and basic authorization carry it. */
const ENCODED: SecretPattern = { kind: 'encoded_secret', regex: /[A-Za-z0-9+/_-]{40,}={0,2}/g, accept: isEncodedSecret };
/** Characters of an encoded text that are looked into. */
const DECODED_CHARS = 20_000;

function isEncodedSecret(text: string): boolean {
  const decoded = Buffer.from(text.slice(0, DECODED_CHARS), 'base64').toString('latin1');
  return PATTERNS.some((pattern) => spansOf(pattern, decoded).length > 0);
}

/** What stands before the secret where it is the first of a line, a colour or a field, in text that was escaped for JSON, a URL or a terminal. */
const ESCAPE = /(?:\\(?:[abefnrtv0]|u[0-9a-f]{4}|x[0-9a-f]{2}|0[0-7]{2})|%(?:25)*[0-9a-f]{2}|\[[\d;]{0,12}m)$/i;
const ESCAPE_CHARS = 16;

/** True where a word begins: `ghp_` in `MY_ghp_`, in `\nghp_` and in `%3Aghp_`, and not `sk-` in `task-`. */
function isBeginning(text: string, index: number): boolean {
  if (!/[A-Za-z0-9]/.test(text.charAt(index - 1))) return true;
  return ESCAPE.test(text.slice(Math.max(index - ESCAPE_CHARS, 0), index));
}

function spansOf(pattern: SecretPattern, text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(pattern.regex)) {
    const secret = match[2] ?? match[0];
    if (match[2] === undefined && !isBeginning(text, match.index)) continue;
    if (pattern.accept && !pattern.accept(secret)) continue;
    const index = match.index + (match[2] === undefined ? 0 : (match[1] ?? '').length);
    spans.push({ kind: pattern.kind, index, end: index + secret.length });
  }
  return spans;
}

/** All secrets in the order of the text, none overlapping another. */
function allSpans(text: string): Span[] {
  const ordered = [...PATTERNS, ENCODED]
    .flatMap((pattern, rank) => spansOf(pattern, text).map((span) => ({ ...span, rank })))
    .toSorted((a, b) => a.index - b.index || a.rank - b.rank);
  const spans: Span[] = [];
  for (const { kind, index, end } of ordered) {
    const last = spans.at(-1);
    if (last && index < last.end) last.end = Math.max(last.end, end);
    else spans.push({ kind, index, end });
  }
  return spans;
}

/** What looks like a credential, and where: for the gate before a commit. Never returns the secret itself. */
export function findSecrets(text: string): FoundSecret[] {
  return allSpans(text).map(({ kind, index }) => ({ kind, index }));
}

/** The text with every credential replaced by `[redacted:<kind>]`. Idempotent. */
export function redactSecrets(text: string): string {
  const spans = allSpans(text);
  if (spans.length === 0) return text;
  let at = 0;
  const parts: string[] = [];
  for (const span of spans) {
    parts.push(text.slice(at, span.index), `[redacted:${span.kind}]`);
    at = span.end;
  }
  return parts.join('') + text.slice(at);
}

/** What is shorter could be a word of the language. */
const SHORTEST_VALUE = 8;
/** A line of a key, or an encoded form, that is shorter says nothing. */
const SHORTEST_LINE = 11;

/** Of a value in base64, the characters that do not depend on what stands before and after it. */
function inBase64(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((before) => {
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(Math.ceil((before * 8) / 6), whole);
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** As a value may stand in a line: as it is, in its own lines, in JSON (also twice), in a URL or a form, in base64 (as in basic authorization) or hexadecimal. */
function spellings(value: string): string[] {
  const lines = value.includes('\n') ? value.split('\n').filter((line) => line.length >= SHORTEST_LINE && !line.startsWith('-----')) : [];
  const form = encodeURIComponent(value.toWellFormed());
  const encoded = [...inBase64(value), Buffer.from(value).toString('hex')].filter((text) => text.length >= SHORTEST_LINE);
  return [value, ...lines, escaped(value), escaped(escaped(value)), form, form.replaceAll('%20', '+'), ...encoded];
}

/**
 * A filter for text that leaves this process: takes out what looks like a credential, and these values wherever they stand, whatever they look like.
 * @param values the secrets of this deployment; those of fewer than eight characters are left alone
 */
export function createRedactor(values: readonly (string | undefined)[]): (text: string) => string {
  const known = values.flatMap((value) => (value === undefined || value.trim().length < SHORTEST_VALUE ? [] : spellings(value.trim())));
  if (known.length === 0) return redactSecrets;
  // The longest first: one secret may begin with another.
  const alternatives = [...new Set(known)].toSorted((a, b) => b.length - a.length).map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const own = new RegExp(alternatives.join('|'), 'g');
  return (text) => redactSecrets(text.replace(own, '[redacted:own_secret]'));
}

/** Every text inside a value, redacted before anything escapes it or cuts it: what is done to the whole afterwards cannot break its form. */
export function redactValues(value: unknown, redact: (text: string) => string = redactSecrets): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactValues(item, redact));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactValues(item, redact)]));
}
