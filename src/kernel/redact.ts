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

/** Passwords of examples and templates: `postgres://user:password@host`, `https://x:${TOKEN}@host`. */
const PLACEHOLDER = /^(?:pass|password|passwd|postgres|secret|user|token|example|changeme|test|x+|\*+|\.+)$|[${}<>[\]%]/i;

/** In order of precedence: where two overlap, the earlier pattern names the secret. */
const PATTERNS: readonly SecretPattern[] = [
  // The body stops at the next run of five dashes; a mention of the header alone is no key.
  {
    kind: 'private_key',
    regex: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
    accept: (key) => /[A-Za-z0-9+/=]{32}/.test(key.slice(key.indexOf('KEY'))),
  },
  // Installation tokens since 2026 hold a JWT: dots, dashes and some 500 characters.
  { kind: 'github_token', regex: /\bgh[pousr]_[A-Za-z0-9._-]{36,}/g },
  { kind: 'github_token', regex: /\bgithub_pat_[A-Za-z0-9_]{22,}/g },
  { kind: 'anthropic_key', regex: /\bsk-ant-[A-Za-z0-9_-]{20,}/g },
  { kind: 'openai_key', regex: /\bsk-[A-Za-z0-9_-]{20,}/g, accept: (key) => hasDigit(key) && /[A-Z]/.test(key) },
  { kind: 'aws_access_key', regex: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g },
  { kind: 'aws_secret_key', regex: /(aws_secret_access_key["']?\s{0,8}[=:]\s{0,8}["']?)([A-Za-z0-9/+=]{40})/gi },
  { kind: 'google_key', regex: /\bAIza[0-9A-Za-z_-]{35}/g },
  { kind: 'google_key', regex: /\bGOCSPX-[A-Za-z0-9_-]{28}/g },
  { kind: 'google_token', regex: /\bya29\.[A-Za-z0-9_-]{20,}/g },
  { kind: 'slack_token', regex: /\bxox[abceoprs]-[A-Za-z0-9-]{10,}/g },
  { kind: 'slack_token', regex: /\bxapp-\d-[A-Za-z0-9-]{10,}/g },
  { kind: 'slack_webhook', regex: /\bhooks\.slack\.com\/services\/[A-Z0-9]{6,20}\/[A-Z0-9]{6,20}\/[A-Za-z0-9]{16,}/g },
  { kind: 'stripe_key', regex: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g },
  { kind: 'webhook_secret', regex: /\bwhsec_[A-Za-z0-9+/=_-]{20,}/g },
  { kind: 'supabase_key', regex: /\bsb_secret_[A-Za-z0-9_-]{20,}/g },
  { kind: 'supabase_key', regex: /\bsbp_[a-f0-9]{40}/g },
  // A token of a person, an integration, an app, its refresh, and a key of the AI gateway.
  { kind: 'vercel_token', regex: /\bvc[piark]_[A-Za-z0-9]{24,}/g },
  { kind: 'vercel_token', regex: /\bvercel_blob_rw_[A-Za-z0-9_]{20,}/g },
  { kind: 'gitlab_token', regex: /\bgl(?:pat|dt|rt|ptt|oas|agent|cbt)-[A-Za-z0-9_-]{20,}/g },
  { kind: 'huggingface_token', regex: /\bhf_[A-Za-z0-9]{30,}/g },
  { kind: 'groq_key', regex: /\bgsk_[A-Za-z0-9]{40,}/g },
  { kind: 'xai_key', regex: /\bxai-[A-Za-z0-9]{60,}/g },
  { kind: 'pypi_token', regex: /\bpypi-AgE[A-Za-z0-9_-]{40,}/g },
  { kind: 'sendgrid_key', regex: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g },
  { kind: 'digitalocean_token', regex: /\bdo[opr]_v1_[a-f0-9]{64}/g },
  { kind: 'azure_key', regex: /(AccountKey=)([A-Za-z0-9+/]{86}==)/g },
  { kind: 'npm_token', regex: /\bnpm_[A-Za-z0-9]{36}/g },
  { kind: 'jwt', regex: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g },
  {
    kind: 'bearer_token',
    regex: /(\b(?:bearer|authorization["']?\s{0,8}[:=]\s{0,8}["']?(?:basic|token))\s{1,8})([A-Za-z0-9._~+/=-]{20,})/gi,
    accept: hasDigit,
  },
  { kind: 'api_key', regex: /(\b(?:x-api-key|apikey)["']?\s{0,8}[:=]\s{0,8}["']?)([A-Za-z0-9._~+/=-]{20,})/gi, accept: hasDigit },
  {
    kind: 'url_credentials',
    regex: /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'`]{0,256}:)([^\s/@"'`]{3,256})(?=@)/gi,
    accept: (password) => !PLACEHOLDER.test(password),
  },
];

function spansOf(pattern: SecretPattern, text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(pattern.regex)) {
    const secret = match[2] ?? match[0];
    if (pattern.accept && !pattern.accept(secret)) continue;
    const index = match.index + (match[2] === undefined ? 0 : (match[1] ?? '').length);
    spans.push({ kind: pattern.kind, index, end: index + secret.length });
  }
  return spans;
}

/** All secrets in the order of the text, none overlapping another. */
function allSpans(text: string): Span[] {
  const ordered = PATTERNS.flatMap((pattern, rank) => spansOf(pattern, text).map((span) => ({ ...span, rank }))).toSorted(
    (a, b) => a.index - b.index || a.rank - b.rank,
  );
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

/** As a value may stand in a line: as it is, inside a JSON string, inside a URL. */
function spellings(value: string): string[] {
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())];
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
