import { Fault, invalid } from '../core/fault.ts';
import type { JsonObject } from '../core/model.ts';

/** Readers of request bodies: undefined when absent, 422 in GitHub's words when of another type. */

function wrongType(field: string, value: unknown, type: string): Fault {
  return new Fault(422, `Invalid request.\n\nFor 'properties/${field}', ${JSON.stringify(value)?.slice(0, 80)} is not ${type}.`);
}

export function optionalText(body: JsonObject, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw wrongType(field, value, 'a string');
  return value;
}

/** Null clears a field, so it is told apart from an absent one. */
export function textOrNull(body: JsonObject, field: string): string | null | undefined {
  return body[field] === null ? null : optionalText(body, field);
}

export function requiredText(body: JsonObject, field: string, resource: string): string {
  const value = optionalText(body, field);
  if (value === undefined || value.trim() === '') throw invalid({ resource, field, code: 'missing_field' });
  return value;
}

export function oneOf<T extends string>(body: JsonObject, field: string, allowed: readonly T[]): T | undefined {
  const value = optionalText(body, field);
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Fault(422, `Invalid request.\n\n${value.slice(0, 80)} is not a member of ${JSON.stringify(allowed)}.`);
  return found;
}

export function optionalBoolean(body: JsonObject, field: string): boolean | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw wrongType(field, value, 'a boolean');
  return value;
}

export function optionalInteger(body: JsonObject, field: string): number | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(field, value, 'an integer');
  return value;
}

export function textList(body: JsonObject, field: string): string[] | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw wrongType(field, value, 'an array');
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw wrongType(field, item, 'a string');
    return item;
  });
}

/** Labels may be given as names or as objects with a name. */
export function labelNames(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    const name: unknown = typeof item === 'object' && item !== null && 'name' in item ? item.name : item;
    if (typeof name !== 'string' || name.trim() === '') throw wrongType('labels', item, 'a string');
    return name;
  });
}

export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export function objectList(value: unknown, field: string): JsonObject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongType(field, value, 'an array');
  return value.map(objectOf);
}

const TITLE_CHARS = 256;
const BODY_CHARS = 65_536;

export function checkTitle(title: string, resource: string): string {
  if (characters(title) > TITLE_CHARS) throw tooLong(resource, 'title', TITLE_CHARS);
  return title;
}

export function checkBody<T extends string | null>(text: T, resource: string): T {
  const given: string | null = text;
  if (given !== null && characters(given) > BODY_CHARS) throw tooLong(resource, 'body', BODY_CHARS);
  return text;
}

/** Code points, as GitHub counts them. */
function characters(text: string): number {
  return Array.from(text).length;
}

function tooLong(resource: string, field: string, limit: number): Fault {
  return invalid({ resource, field, code: 'custom', message: `${field} is too long (maximum is ${limit} characters)` });
}
