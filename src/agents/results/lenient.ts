import { cleanUntrusted, stripInvisible } from '../../kernel/text.ts';

/**
 * Readers of a model's fields. Each gives what is surely meant, or hands the value on for the form to refuse;
 * `undefined` stands for "absent", so that the form's default or its complaint applies.
 */

export function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : null;
}

/** Markdown for people: cleaned (a hidden comment could forge a marker of Banyan's), trimmed, cut. */
export function prose(value: unknown, max: number): unknown {
  return typeof value === 'string' ? cleanUntrusted(value).trim().slice(0, max).toWellFormed() : value;
}

export function oneLine(value: unknown, max: number): unknown {
  return typeof value === 'string' ? prose(value.replace(/\s+/g, ' '), max) : value;
}

/** A string or null; what is empty is null. */
export function optionalText(value: unknown, max: number): unknown {
  if (value === null || value === undefined || value === '') return null;
  return prose(value, max);
}

/** Code that replaces code: kept to the letter but for what cannot be seen; too long is refused, a cut piece of code is wrong code. */
export function verbatim(value: unknown, max: number): unknown {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' && value.length <= max ? stripInvisible(value) : value;
}

export function truth(value: unknown): unknown {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (word === 'true') return true;
  return word === 'false' ? false : value;
}

/** A line's number or null: 0, negative numbers and empty words mean "no line". */
export function wholeNumber(value: unknown): unknown {
  if (value === null || value === undefined || value === '') return null;
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) return value;
  return number > 0 ? number : null;
}

/** The first `max` items, read one by one; a lone text counts as one item, empty texts as none. */
export function list(value: unknown, max: number, read: (item: unknown) => unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (!Array.isArray(value) && typeof value !== 'string') return value;
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items
    .map(read)
    .filter((item) => item !== '' && item !== null)
    .slice(0, max);
}
