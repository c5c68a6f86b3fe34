import { createHash } from 'node:crypto';

/** Where something failed, and the facts of the failure. Never its words as they are: they differ where the failure is the same. */
export interface FailureFacts {
  code: string;
  role: string;
  phase: string;
  facts: unknown;
}

/** What differs from one time to the next and says nothing: ids, digests, times, numbers, folders made for one run. In this order. */
const VARYING: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<id>'],
  [/\b\d{4}-\d{2}-\d{2}t[\d:.]+z?\b/g, '<time>'],
  [/(?:\/(?:private\/)?(?:tmp|var\/folders|var\/tmp))\/[^\s'"`):,]+/g, '<path>'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b/g, '<id>'],
  [/\b[a-z]+_[a-z0-9]*\d[a-z0-9]*\b/g, '<id>'],
  [/\d+(?:\.\d+)?/g, '#'],
  [/\s+/g, ' '],
];

/** A text reduced to what stays the same when the same thing happens again. */
export function normalizeText(text: string): string {
  return VARYING.reduce((rest, [pattern, by]) => rest.replace(pattern, by), text.slice(0, 20_000).toLowerCase()).trim();
}

/** A value in one order, its texts normalized and its numbers taken out. */
export function normalizeFacts(value: unknown): unknown {
  if (typeof value === 'string') return normalizeText(value);
  if (typeof value === 'number' || typeof value === 'bigint') return '#';
  if (Array.isArray(value)) return value.map(normalizeFacts);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, normalizeFacts(inner)]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/** One name for all failures that are the same: readable up to the facts, which are a digest. */
export function failureSignature({ code, role, phase, facts }: FailureFacts): string {
  return `${code}/${role}/${phase}/${digest(normalizeFacts(facts))}`;
}

/** One name for a set of findings, whatever their order and however often each is named; null for none. */
export function findingsSignature(findings: readonly unknown[]): string | null {
  if (findings.length === 0) return null;
  const normalized = findings.map((finding) => JSON.stringify(normalizeFacts(finding)));
  return digest([...new Set(normalized)].toSorted());
}
