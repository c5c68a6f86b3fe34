import { fillIn, tokensIn, type Token, type Values } from '../placeholders.ts';
import { matchLines, splitLines } from '../update/lines.ts';

/** A change of the child that is not proposed, and why. */
export interface LeftOut {
  /** Of the child's file, from 1. */
  line: number;
  text: string;
  why: string;
}

/** A line that the child brings; only these leave it. */
export interface NewLine {
  /** Of the child's file, from 1. */
  line: number;
  text: string;
}

export interface Transplant {
  /** The template's file with the child's change in it. */
  text: string;
  added: NewLine[];
  leftOut: LeftOut[];
}

export interface TransplantInput {
  /** The template's file, placeholders and all. */
  template: string;
  origin: string;
  /** The child's file as it is now. */
  ours: string;
  values: Values;
  /** Takes the child's own words out of a line that is in no place of a placeholder. */
  anonymise: (line: string) => string;
}

interface TemplateLine {
  text: string;
  /** Its first line in the rendered file, and how many it has there. */
  first: number;
  count: number;
  tokens: Token[];
}

function keysOf(text: string): string[] {
  return splitLines(text).map(({ key }) => key);
}

/** Each line of the template and what it is rendered to: a placeholder may hold several lines. */
function renderLines({ template, origin, values }: TransplantInput): { lines: TemplateLine[]; base: string[] } {
  const base: string[] = [];
  const lines = keysOf(template).map((text): TemplateLine => {
    const rendered = fillIn(text, origin, values).split('\n');
    const line = { text, first: base.length, count: rendered.length, tokens: tokensIn(text, values) };
    base.push(...rendered);
    return line;
  });
  return { lines, base };
}

interface Hunk {
  base: { from: number; to: number };
  ours: { from: number; to: number };
}

/** Where the child differs; a change of as many lines as there were is looked at line by line, so that one that must stay holds back none beside it. */
function hunksBetween(base: readonly string[], ours: readonly string[]): Hunk[] {
  const line = (key: string) => ({ key, raw: key });
  const pairs = [...matchLines(base.map(line), ours.map(line)), [base.length, ours.length] as [number, number]];
  const hunks: Hunk[] = [];
  let [b, o] = [0, 0];
  for (const [nextB, nextO] of pairs) {
    if (nextB - b === nextO - o) for (let k = 0; k < nextB - b; k++) hunks.push({ base: { from: b + k, to: b + k + 1 }, ours: { from: o + k, to: o + k + 1 } });
    else if (nextB > b || nextO > o) hunks.push({ base: { from: b, to: nextB }, ours: { from: o, to: nextO } });
    [b, o] = [nextB + 1, nextO + 1];
  }
  return hunks;
}

/** A word is not looked for inside of another one. */
function replaceWhole(text: string, value: string, by: string): string {
  const guard = (edge: string | undefined) => edge !== undefined && /[\w-]/.test(edge);
  let result = '';
  let rest = text;
  for (let at = rest.indexOf(value); at !== -1; at = rest.indexOf(value)) {
    const before = at === 0 ? result.at(-1) : rest[at - 1];
    const after = rest[at + value.length];
    const inside = (guard(before) && guard(value[0])) || (guard(after) && guard(value.at(-1)));
    result += rest.slice(0, at) + (inside ? value : by);
    rest = rest.slice(at + value.length);
  }
  return result + rest;
}

/** Puts the placeholders of the replaced lines back into what stands there now; null where one has gone. */
function restoreTokens(lines: readonly string[], tokens: readonly Token[]): string[] | null {
  let text = lines.join('\n');
  for (const { token, value } of tokens.toSorted((a, b) => b.value.length - a.value.length)) {
    if (value === '') continue;
    text = replaceWhole(text, value, token);
    if (!text.includes(token)) return null;
  }
  return text.split('\n');
}

const ANSWERED = 'it is made from the answers given at spawning (or a version that the mother pins): a change of that is this child’s own';

interface Edit {
  /** Lines of the template that are replaced; `from` = `to` inserts before. */
  from: number;
  to: number;
  lines: string[];
}

/** What a hunk is in the template; a string says why it cannot be said there. */
function editOf(hunk: Hunk, lines: readonly TemplateLine[], input: { ours: readonly string[]; anonymise: (line: string) => string }): Edit | string {
  const fresh = input.ours.slice(hunk.ours.from, hunk.ours.to);
  const at = (base: number) => lines.findIndex(({ first, count }) => base >= first && base < first + count);
  if (hunk.base.from === hunk.base.to) {
    const next = hunk.base.from === 0 ? 0 : at(hunk.base.from - 1) + 1;
    const inside = next > 0 && (lines[next - 1]?.first ?? 0) + (lines[next - 1]?.count ?? 0) > hunk.base.from;
    return inside ? ANSWERED : { from: next, to: next, lines: fresh.map(input.anonymise) };
  }
  const [from, last] = [at(hunk.base.from), at(hunk.base.to - 1)];
  const [begin, end] = [lines[from], lines[last]];
  if (!begin || !end || begin.first !== hunk.base.from || end.first + end.count !== hunk.base.to) return ANSWERED;
  const tokens = lines.slice(from, last + 1).flatMap((line) => line.tokens);
  if (fresh.length === 0) return { from, to: last + 1, lines: [] };
  const restored = restoreTokens(fresh, tokens);
  return restored === null ? ANSWERED : { from, to: last + 1, lines: restored.map(input.anonymise) };
}

/**
 * Carries the child's change of a rendered file over to the template's file: what was put in by answers becomes placeholders again,
 * and what only an answer could say stays in the child.
 */
export function transplant(input: TransplantInput): Transplant {
  const { lines, base } = renderLines(input);
  const ours = keysOf(input.ours);
  const result: string[] = [];
  const [added, leftOut]: [NewLine[], LeftOut[]] = [[], []];
  let done = 0;
  for (const hunk of hunksBetween(base, ours)) {
    const edit = editOf(hunk, lines, { ours, anonymise: input.anonymise });
    if (typeof edit === 'string') {
      leftOut.push({ line: hunk.ours.from + 1, text: (ours[hunk.ours.from] ?? base[hunk.base.from] ?? '').trim(), why: edit });
      continue;
    }
    result.push(...lines.slice(done, edit.from).map(({ text }) => text), ...edit.lines);
    added.push(...edit.lines.map((text, index) => ({ line: hunk.ours.from + index + 1, text })));
    done = edit.to;
  }
  result.push(...lines.slice(done).map(({ text }) => text));
  return { text: result.length === 0 ? '' : `${result.join('\n')}\n`, added, leftOut };
}
