import { findSecrets } from '../../kernel/redact.ts';
import type { Answers } from '../answers.ts';
import type { Template } from '../template.ts';
import type { NewLine } from './transplant.ts';

/** What names a child and the people behind it. */
export interface Identity {
  answers: Pick<Answers, 'name' | 'owner' | 'description'>;
  /** `owner/repository` of its remote, where it has one. */
  repository: string | null;
  /** Name and address that git knows of the person. */
  people: string[];
}

export type LeakKind = 'secret' | 'name' | 'owner' | 'repository' | 'description' | 'person' | 'e-mail address' | 'address' | 'placeholder';

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

/** Every word that the mother's own templates use: those name nobody. */
export function commonWords(template: Template): Set<string> {
  const texts = [
    ...template.files.map(({ text }) => text),
    ...[...template.domains.values()].flatMap(({ files, manifest }) => [...files.map(({ text }) => text), JSON.stringify(manifest)]),
    ...template.parts.flatMap(({ files }) => [...files.values()].map(({ text }) => text)),
  ];
  return new Set(texts.flatMap((text) => text.toLowerCase().match(/[a-z0-9]+(?:[._-][a-z0-9]+)*/g) ?? []));
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

/** `my-shop` in each of its spellings: My Shop, my_shop, MyShop. */
function spellingsOf(name: string): RegExp {
  return new RegExp(
    name
      .split(/[-._ ]+/)
      .filter((part) => part !== '')
      .map(escaped)
      .join('[-._ ]?'),
    'gi',
  );
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

const EMAIL = /[\w.+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}/gi;
const NO_PERSON = /^git@|@(?:[\w-]+\.)*example\.(?:com|net|org)$|\.(?:example|test|invalid|localhost)$/i;
const URL_HOST = /\bhttps?:\/\/([a-z0-9.-]+\.[a-z]{2,})/gi;
const PUBLIC_HOST =
  /(?:^|\.)(?:github\.com|npmjs\.com|nodejs\.org|mozilla\.org|ietf\.org|w3\.org|wikipedia\.org|example\.(?:com|net|org))$|\.(?:example|test|invalid)$/i;
/** The template's own language: in a file of the template it would mean something else than in the child. */
const BRACES = /(?<!\$)\{\{.*?\}\}/g;
const OURS = /^\{\{(?:(?:json|version):)?[@a-zA-Z][\w@/.-]*\}\}$/;

export interface LeakSearch {
  identity: Identity;
  common: ReadonlySet<string>;
  /** Placeholders that mean something to the template. */
  placeholders: ReadonlySet<string>;
  /** What a person has said may leave. */
  allowed: readonly string[];
}

function leaksIn({ text }: NewLine, { identity, common, placeholders, allowed }: LeakSearch): Pick<Leak, 'kind' | 'text' | 'always'>[] {
  const plain = text.replaceAll(BRACES, '');
  const names = namesOf(identity, common).flatMap(({ kind, word }) => occurrences(plain, spellingsOf(word)).map((found) => ({ kind, text: found })));
  // As it would be read again: half of an address may be a name that has become a placeholder.
  const { name, owner } = identity.answers;
  const read = text.replaceAll('{{name}}', name).replaceAll('{{owner}}', owner);
  const emails = (read.match(EMAIL) ?? []).filter((found) => !NO_PERSON.test(found)).map((found) => ({ kind: 'e-mail address' as const, text: found }));
  const hosts = [...read.matchAll(URL_HOST)].flatMap(([, host = '']) => (PUBLIC_HOST.test(host) ? [] : [{ kind: 'address' as const, text: host }]));
  const braces = (text.match(BRACES) ?? []).filter((found) => !OURS.test(found) || !placeholders.has(found));
  const told = [...names, ...emails, ...hosts].filter(({ text: found }) => !allowed.includes(found));
  return [...told.map((leak) => ({ ...leak, always: false })), ...braces.map((found) => ({ kind: 'placeholder' as const, text: found, always: true }))];
}

/** What in the lines that would leave says whose child it is; each thing once a line. */
export function findLeaks(path: string, lines: readonly NewLine[], search: LeakSearch): Leak[] {
  const whole = lines.map(({ text }) => text).join('\n');
  const secrets = findSecrets(whole).map(({ kind, index }): Leak => {
    const line = lines[whole.slice(0, index).split('\n').length - 1]?.line ?? 0;
    return { kind: 'secret', path, line, text: kind.replaceAll('_', ' '), always: true };
  });
  const others = lines.flatMap((line) => {
    const seen = new Set<string>();
    return leaksIn(line, search).flatMap((leak): Leak[] => {
      if (seen.has(leak.text.toLowerCase())) return [];
      seen.add(leak.text.toLowerCase());
      return [{ ...leak, path, line: line.line }];
    });
  });
  return [...secrets, ...others];
}
