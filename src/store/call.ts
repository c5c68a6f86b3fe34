import type { Transport } from './contract.ts';

/**
 * One call with arguments that Postgres can store, and the shape that its function promises. What comes back was built by our own
 * SQL in the same release; the contract suite holds the two together.
 */
export async function call<Result>(transport: Transport, fn: string, args: Record<string, unknown>): Promise<Result> {
  return (await transport.call(fn, storable(args) as Record<string, unknown>)) as Result;
}

/**
 * Neither text nor jsonb holds NUL or half a surrogate pair, and both occur in what programs print: they become U+FFFD rather than
 * an error that would come again with every retry.
 */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), storable(inner)]));
}

function storableText(text: string): string {
  const withoutNul = text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
  return withoutNul.isWellFormed() ? withoutNul : withoutNul.toWellFormed();
}
