import { lineEndOf } from './lines.ts';
import type { Labels } from './markers.ts';
import { mergeText, type Merge, type Sides } from './merge-text.ts';

type Scalar = string | number | boolean | null;
type Json = Scalar | Json[] | { [key: string]: Json };
type Dictionary = Record<string, Json>;

/** Three values of which none may simply be taken; undefined where a side has none. */
class Conflict {
  readonly base: Json | undefined;
  readonly ours: Json | undefined;
  readonly theirs: Json | undefined;

  constructor(base: Json | undefined, ours: Json | undefined, theirs: Json | undefined) {
    this.base = base;
    this.ours = ours;
    this.theirs = theirs;
  }
}

/** An object that has been merged, in the order in which it is written. */
class Entries {
  readonly list: [string, Merged][];

  constructor(list: [string, Merged][]) {
    this.list = list;
  }
}

type Merged = Json | Entries | Conflict;

function isDictionary(value: Json | undefined): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalars(value: Json | undefined): value is Scalar[] {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null) && new Set(value).size === value.length;
}

function own(object: Dictionary, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Equal whatever the order of keys. */
function same(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (isDictionary(a) && isDictionary(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
  }
  return a === b;
}

/** The child's order; what the template adds comes after what it follows there. */
function orderOf(ours: Dictionary, theirs: Dictionary): string[] {
  const order = Object.keys(ours);
  let previous: string | undefined;
  for (const key of Object.keys(theirs)) {
    if (!order.includes(key)) order.splice(previous === undefined ? 0 : order.indexOf(previous) + 1, 0, key);
    previous = key;
  }
  return order;
}

function mergeObjects(base: Dictionary, ours: Dictionary, theirs: Dictionary): Entries {
  return new Entries(
    orderOf(ours, theirs).flatMap((key): [string, Merged][] => {
      const merged = mergeValues(own(base, key), own(ours, key), own(theirs, key));
      return merged === undefined ? [] : [[key, merged]];
    }),
  );
}

/** Lists of words are sets with an order: what a side added or removed is added or removed. */
function mergeLists(base: Scalar[], ours: Scalar[], theirs: Scalar[]): Scalar[] {
  const removed = new Set(base.filter((item) => !theirs.includes(item)));
  const kept = ours.filter((item) => !removed.has(item));
  return [...kept, ...theirs.filter((item) => !base.includes(item) && !kept.includes(item))];
}

function mergeValues(base: Json | undefined, ours: Json | undefined, theirs: Json | undefined): Merged | undefined {
  if (same(ours, theirs) || same(base, theirs)) return ours;
  if (same(base, ours)) return theirs;
  if (isDictionary(ours) && isDictionary(theirs)) return mergeObjects(isDictionary(base) ? base : {}, ours, theirs);
  if (isScalars(ours) && isScalars(theirs) && isScalars(base)) return mergeLists(base, ours, theirs);
  return new Conflict(base, ours, theirs);
}

interface Style {
  indent: string;
  labels: Labels;
  /** Texts in which a value may stand on one line: then it stays so. */
  texts: string[];
  conflicts: number;
}

function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (!isDictionary(value)) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`)
    .join(', ')} }`;
}

function writeJson(value: Json, depth: string, style: Style): string {
  const line = inline(value);
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0 && style.texts.some((text) => text.includes(line))) return line;
  if (Array.isArray(value))
    return block(
      '[]',
      value.map((item) => writeJson(item, depth + style.indent, style)),
      { depth, style },
    );
  if (isDictionary(value)) return writeEntries(new Entries(Object.entries(value)), depth, style);
  return JSON.stringify(value);
}

function block(brackets: '[]' | '{}', items: string[], { depth, style }: { depth: string; style: Style }): string {
  if (items.length === 0) return brackets;
  const inner = depth + style.indent;
  return `${brackets.charAt(0)}\n${items.map((item) => inner + item).join(',\n')}\n${depth}${brackets.charAt(1)}`;
}

function writeEntries({ list }: Entries, depth: string, style: Style): string {
  const inner = depth + style.indent;
  if (list.length === 0) return '{}';
  const parts = list.map(([key, value], index) => {
    const comma = index === list.length - 1 ? '' : ',';
    const entry = (json: Json) => `${inner}${JSON.stringify(key)}: ${writeJson(json, inner, style)}${comma}\n`;
    if (value instanceof Entries) return `${inner}${JSON.stringify(key)}: ${writeEntries(value, inner, style)}${comma}\n`;
    if (!(value instanceof Conflict)) return entry(value);
    style.conflicts++;
    const side = (json: Json | undefined) => (json === undefined ? '' : entry(json));
    const { labels } = style;
    return `<<<<<<< ${labels.ours}\n${side(value.ours)}||||||| ${labels.base}\n${side(value.base)}=======\n${side(value.theirs)}>>>>>>> ${labels.theirs}\n`;
  });
  return `{\n${parts.join('')}${depth}}`;
}

function parse(text: string): Dictionary | undefined {
  try {
    const value = JSON.parse(text.replace(/^\uFEFF/, '')) as Json;
    // Keys like numbers lose their place in an object of JavaScript.
    return isDictionary(value) && !/"\d+"\s*:/.test(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

function plain(value: Merged): Json | undefined {
  if (value instanceof Conflict) return undefined;
  if (!(value instanceof Entries)) return value;
  return Object.fromEntries(value.list.map(([key, item]) => [key, plain(item) ?? null]));
}

/**
 * Merges objects of JSON by their keys. Where the merge by lines means the same, its text is taken, since it keeps the formatting;
 * what is no object in all three is merged by lines.
 */
export function mergeJson(sides: Sides, labels: Labels): Merge {
  const byLines = mergeText(sides, labels);
  const [base, ours, theirs] = [sides.base.trim() === '' ? {} : parse(sides.base), parse(sides.ours), parse(sides.theirs)];
  if (!base || !ours || !theirs) return byLines;
  const merged = mergeObjects(base, ours, theirs);
  const indent = /\n([ \t]+)"/.exec(sides.ours)?.[1] ?? '  ';
  const style: Style = { indent, labels, texts: [sides.ours, sides.theirs], conflicts: 0 };
  const text = writeEntries(merged, '', style);
  if (style.conflicts === 0 && byLines.conflicts === 0) {
    const lines = parse(byLines.text);
    if (lines && same(lines, plain(merged))) return byLines;
  }
  const ended = sides.ours.endsWith('\n') ? `${text}\n` : text;
  const bom = sides.ours.startsWith('\uFEFF') ? '\uFEFF' : '';
  return { text: bom + ended.replaceAll('\n', lineEndOf(sides.ours)), conflicts: style.conflicts };
}
