import { findSecrets } from '../../kernel/redact.ts';
import type { Answers } from '../answers.ts';
import type { Template } from '../template.ts';
import { namedCredentials } from './credentials.ts';
import { tracesIn } from './traces.ts';
import type { NewLine } from './transplant.ts';

/** What names a child and the people behind it. */
export interface Identity {
  answers: Pick<Answers, 'name' | 'owner' | 'description'>;
  /** `owner/repository` of its remote, where it has one. */
  repository: string | null;
  /** Name and address that git knows of the person. */
  people: string[];
}

export type LeakKind = 'secret' | 'name' | 'owner' | 'repository' | 'description' | 'person' | 'e-mail address' | 'address' | 'domain' | 'placeholder';

/** Something in a new line that says whose child it is. */
export interface Leak {
  kind: LeakKind;
  path: string;
  /** Of the child's file, from 1; 0 for the title. */
  line: number;
  /** What was found; of a secret only its kind. */
  text: string;
  /** Never let through, whatever a person says. */
  always: boolean;
}

/** Every word that the mother's own templates use, `owner/repository` too: those name nobody. */
export function commonWords(template: Template): Set<string> {
  const texts = [
    ...template.files.map(({ text }) => text),
    ...[...template.domains.values()].flatMap(({ files, manifest }) => [...files.map(({ text }) => text), JSON.stringify(manifest)]),
    ...template.parts.flatMap(({ files }) => [...files.values()].map(({ text }) => text)),
  ];
  const words = (text: string) => [...(text.match(/[a-z0-9]+(?:[._-][a-z0-9]+)*/g) ?? []), ...(text.match(/[\w.-]{1,100}\/[\w.-]{1,100}/g) ?? [])];
  return new Set(texts.flatMap((text) => words(text.toLowerCase())));
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

/**
 * The domain's name and what it abbreviates: in a file that all domains share they tell whose it was. Ordinary words of the domain cannot be told
 * from anybody's: those a person has to see.
 */
export function domainWords(template: Template, domain: string): string[] {
  const own = template.domains.get(domain);
  if (own === undefined || domain === 'custom') return [];
  const shortened = (texts: string[]) => texts.flatMap((text) => text.match(/\b[A-Z]{2,6}s?\b/g) ?? []).map((word) => word.replace(/s$/, ''));
  const shared = new Set(
    shortened([...template.files.map(({ text }) => text), ...template.parts.flatMap(({ files }) => [...files.values()].map(({ text }) => text))]),
  );
  const words = shortened([...own.files.map(({ text }) => text), JSON.stringify(own.manifest)]);
  return [domain, ...new Set(words.filter((word) => !shared.has(word)))];
}

/** `my-shop` in each of its spellings: My Shop, my_shop, MyShop, MYSHOP; and `megacorp` as MEGA-CORP. */
function spellingsOf(name: string): RegExp {
  const letters = name.split(/(?:)/u).filter((letter) => !/[-._\s]/.test(letter));
  return new RegExp(letters.map(escaped).join(String.raw`[-._\s]{0,2}`), 'giu');
}

/** Not inside a longer word; `getMyShop` and `MyShopDeveloper` are several words. */
function isWhole(text: string, from: number, to: number): boolean {
  const [before = '', first = '', last = '', after = ''] = [text[from - 1], text[from], text[to - 1], text[to]];
  const joined = (left: string, right: string) => /[A-Za-z0-9]/.test(left) && /[A-Za-z0-9]/.test(right) && !(/[a-z0-9]/.test(left) && /[A-Z]/.test(right));
  return !joined(before, first) && !joined(last, after);
}

function occurrences(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap((match) => (isWhole(text, match.index, match.index + match[0].length) ? [match[0]] : []));
}

/** What is put before or behind a name for one of several: numbers, environments, machines, companies. */
const AFFIX =
  '\\d{1,6}|admin|ag|api|app|backend|backup|bot|cdn|ci|co|corp|db|dev|devel|ext|frontend|gmbh|hq|inc|int|internal|lab|labs|lan|live|ltd|mail|main|my|old|new|ops|prd|prod|production|qa|repo|server|shop|site|srv|stage|staging|stg|svc|sys|team|test|uat|vpn|web|www';
/** So long that no word has it by chance; where it is made of several words, shorter ones. */
const DISTINCTIVE = { one: 10, several: 8 };
const SHORTEST_INSIDE = 5;

/** A name inside a longer word: `myveloworks2`, `radhausprod`. One word may be a part of an ordinary one, unless it is that with an affix. */
function insideWords(text: string, name: string): string[] {
  const plain = name.replaceAll(/[-._\s]/g, '');
  if (plain.length < SHORTEST_INSIDE) return [];
  const distinctive = plain.length >= (plain.length < name.length ? DISTINCTIVE.several : DISTINCTIVE.one);
  const whole = distinctive ? '[a-z0-9]{0,40}' : `(?:${AFFIX})?`;
  return text.match(new RegExp(`(?<![a-z0-9])${whole}${escaped(plain)}${whole}(?![a-z0-9])`, 'giu')) ?? [];
}

/** Words of the child that stand for it wherever they are, longest first. */
function namesOf({ answers, repository, people }: Identity, common: ReadonlySet<string>): { kind: LeakKind; word: string }[] {
  const [owner = '', name = ''] = repository?.split('/') ?? [];
  const all: { kind: LeakKind; word: string }[] = [
    { kind: 'repository', word: repository ?? '' },
    { kind: 'name', word: answers.name },
    { kind: 'repository', word: name },
    { kind: 'owner', word: answers.owner },
    { kind: 'owner', word: owner },
    { kind: 'description', word: answers.description },
    ...people.map((word) => ({ kind: 'person' as const, word })),
  ];
  return all.filter(({ word }) => word.length > 1 && !common.has(word.toLowerCase())).toSorted((a, b) => b.word.length - a.word.length);
}

/** Turns the answers that a line holds into placeholders; what is spelled otherwise stays, and is found afterwards. */
export function anonymiser(identity: Identity, common: ReadonlySet<string>): (line: string) => string {
  const { name, owner, description } = identity.answers;
  const literal = JSON.stringify(description);
  const words = [
    { word: name, by: '{{name}}' },
    { word: owner, by: '{{owner}}' },
  ].filter(({ word }) => word !== '' && !common.has(word.toLowerCase()));
  return (line) => {
    let text = description.length > 7 ? line.replaceAll(literal, '{{json:description}}').replaceAll(description, '{{description}}') : line;
    for (const { word, by } of words.toSorted((a, b) => b.word.length - a.word.length)) {
      text = text.replaceAll(new RegExp(escaped(word), 'g'), (found: string, at: number, whole: string) =>
        isWhole(whole, at, at + found.length) ? by : found,
      );
    }
    return text;
  };
}

/** The template's own language: in a file of the template it would mean something else than in the child. */
const BRACES = /(?<!\$)\{\{.*?\}\}/g;
const OURS = /^\{\{(?:(?:json|version):)?[@a-zA-Z][\w@/.-]*\}\}$/;

export interface LeakSearch {
  identity: Identity;
  common: ReadonlySet<string>;
  /** Placeholders that mean something to the template. */
  placeholders: ReadonlySet<string>;
  /** `owner/repository` of her, who names nobody else. */
  mother: string | undefined;
  /** What a person has said may leave. */
  allowed: readonly string[];
  /** Words of the child's domain, for a file that all domains share. */
  domain: readonly string[];
}

function leaksIn(
  { text }: NewLine,
  path: string,
  { identity, common, placeholders, mother, allowed, domain }: LeakSearch,
): Pick<Leak, 'kind' | 'text' | 'always'>[] {
  const plain = text.replaceAll(BRACES, '');
  const names = namesOf(identity, common).flatMap(({ kind, word }) =>
    [...occurrences(plain, spellingsOf(word)), ...insideWords(plain, word)].map((found) => ({ kind, text: found })),
  );
  // As it would be read again: half of an address may be a name that has become a placeholder.
  const { name, owner } = identity.answers;
  const read = text.replaceAll('{{name}}', name).replaceAll('{{owner}}', owner);
  const domains = domain.flatMap((word) => occurrences(plain, spellingsOf(word)).map((found) => ({ kind: 'domain' as const, text: found })));
  const braces = (text.match(BRACES) ?? []).filter((found) => !OURS.test(found) || !placeholders.has(found));
  const told = [...names, ...tracesIn(read, { path, isCommon: (word) => common.has(word.toLowerCase()), mother }), ...domains].filter(
    ({ text: found }) => !allowed.includes(found),
  );
  return [...told.map((leak) => ({ ...leak, always: false })), ...braces.map((found) => ({ kind: 'placeholder' as const, text: found, always: true }))];
}

/** What in the lines that would leave says whose child it is; each thing once a line. */
export function findLeaks(path: string, lines: readonly NewLine[], search: LeakSearch): Leak[] {
  const whole = lines.map(({ text }) => text).join('\n');
  const secrets = [...findSecrets(whole), ...namedCredentials(path, whole)].map(({ kind, index }): Leak => {
    const line = lines[whole.slice(0, index).split('\n').length - 1]?.line ?? 0;
    return { kind: 'secret', path, line, text: kind.replaceAll('_', ' '), always: true };
  });
  const others = lines.flatMap((line) => {
    const seen = new Set<string>();
    return leaksIn(line, path, search).flatMap((leak): Leak[] => {
      if (seen.has(leak.text.toLowerCase())) return [];
      seen.add(leak.text.toLowerCase());
      return [{ ...leak, path, line: line.line }];
    });
  });
  return [...secrets.filter(({ line }, at) => secrets.findIndex((other) => other.line === line) === at), ...others];
}
