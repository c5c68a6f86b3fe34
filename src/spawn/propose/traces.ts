import { isPlaceholder } from '../../kernel/redact.ts';

/** A trace of somebody, found by its form alone: not certain, so that a person may let it through. */
export interface Trace {
  kind: 'address' | 'person' | 'e-mail address';
  text: string;
}

const EMAIL = /[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,10}[a-z]{2,}/gi;
const NO_PERSON = /^git@|@(?:[\w-]+\.)*example\.(?:com|net|org)$|\.(?:example|test|invalid|localhost)$/i;

/** Whatever the scheme; with or without a user. */
const URL_HOST = /\b[a-z][a-z0-9+.-]{1,20}:\/\/(?:[^\s/@'"`]{1,200}@)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)/gi;
const PUBLIC_HOST =
  /(?:^|\.)(?:github\.com|npmjs\.com|nodejs\.org|mozilla\.org|ietf\.org|w3\.org|wikipedia\.org|example\.(?:com|net|org)|localhost)$|\.(?:example|test|invalid)$/i;
/** `git@host:team/repository.git` names a host and whose repository it is. */
const REMOTE = /\b[\w.-]{1,64}@[a-z0-9.-]{1,253}\.[a-z]{2,}:[\w./~-]+/gi;
/** Names that only the inside of a network knows. */
const INSIDE = /(?<![\w.-])(?:[a-z0-9-]+\.)+(?:internal|corp|lan|intranet)(?![\w-])/gi;
const IPV4 = /(?<![\w.-])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\w-]|\.\d)/g;
const IPV6 = /(?<![\w:])(?:f[cd][0-9a-f]{2}|fe80|2[0-9a-f]{3})(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi;
/** This machine, any address, a mask, and what documentation is written with. */
const NOBODYS_ADDRESS = /^(?:127|0|255)\.|^192\.0\.2\.|^198\.51\.100\.|^203\.0\.113\.|^2001:0?db8:/i;

const MENTION = /(?<![\w.@/-])@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\/[a-z0-9][\w.-]*)?/gi;
/** Tags of a comment and rules of a style sheet; a package in quotes has a scope and a name. */
const NO_MENTION =
  /^@(?:abstract|author|default|deprecated|example|experimental|internal|jest|license|link|override|packageDocumentation|param|private|property|protected|public|readonly|remarks|returns?|satisfies|see|since|template|throws|todo|ts-[a-z-]+|type|typedef|typeParam|vitest|vite-ignore|charset|container|font-face|import|keyframes|layer|media|page|supports|tailwind|latest|next)$/i;

function isPackage(line: string, at: number, text: string): boolean {
  return text.includes('/') && /["'`]/.test(line.charAt(at - 1));
}

function all(line: string, pattern: RegExp): string[] {
  return line.match(pattern) ?? [];
}

/** Addresses and people in one line. */
export function tracesIn(line: string): Trace[] {
  const remotes = all(line, REMOTE).filter((text) => !text.includes('://'));
  const hosts = [...line.matchAll(URL_HOST)].flatMap(([, host = '']) => (PUBLIC_HOST.test(host) ? [] : [host]));
  const numbers = [...all(line, IPV4), ...all(line, IPV6)];
  const addresses = [...hosts, ...numbers].filter((text) => !NOBODYS_ADDRESS.test(text));
  const inside = all(line, INSIDE).filter((text) => !addresses.includes(text));
  const mentions = [...line.matchAll(MENTION)].flatMap(({ 0: text, index }) => (NO_MENTION.test(text) || isPackage(line, index, text) ? [] : [text]));
  return [
    ...all(line, EMAIL).flatMap((text) => (NO_PERSON.test(text) ? [] : [{ kind: 'e-mail address' as const, text }])),
    ...[...remotes, ...addresses, ...inside].map((text) => ({ kind: 'address' as const, text })),
    ...mentions.map((text) => ({ kind: 'person' as const, text })),
  ];
}

const SECRET_NAME = String.raw`[\w-]{0,64}(?:password|passwd|passphrase|pwd|secret|token|credential|(?:api|access|private|signing|encryption)[-_]?key)s?`;
/** `password: 'x'`, `"token": "x"`, `secret = process.env.SECRET ?? 'x'`. */
const QUOTED = new RegExp(
  String.raw`(${SECRET_NAME})["']?\]?\s{0,8}(?:[:=]|\?\?|\|\|)\s{0,8}(?:[\w.]{1,60}\s{0,4}(?:\?\?|\|\|)\s{0,4})?(["'\`])([^"'\`\n]{6,256})\2`,
  'gi',
);
/** As in YAML, and in a file of variables. */
const BARE = new RegExp(String.raw`(${SECRET_NAME})\s{0,8}[:=]\s{0,8}([^\s"'\`(){}\[\]<>$,;]{8,256})(?=$|[\s,;])`, 'gim');
const CODE = /\.[cm]?[jt]sx?$/;
/** The name of a variable of the environment. */
const VARIABLE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;
/** What says itself that it is none. */
const NO_VALUE = /\{\{|process\.env|\b(?:example|changeme|change-me|dummy|fake|placeholder|redacted|not-a-real)\b/i;
/** Only a phrase to be remembered has spaces. */
const IS_PHRASE = /(?:password|passwd|passphrase|pwd)s?$/i;

function isValue(name: string, value: string): boolean {
  if (isPlaceholder(value) || VARIABLE.test(value) || NO_VALUE.test(value)) return false;
  return !/\s/.test(value) || IS_PHRASE.test(name);
}

/** Values that their name gives away, whatever form they have: stricter than what is taken out of a log, because it is about to be published. */
export function namedCredentials(path: string, text: string): { kind: string; index: number }[] {
  const quoted = [...text.matchAll(QUOTED)].filter(({ 1: name = '', 3: value = '' }) => isValue(name, value));
  const bare = CODE.test(path) ? [] : [...text.matchAll(BARE)].filter(({ 1: name = '', 2: value = '' }) => isValue(name, value) && /\d/.test(value));
  return [...quoted, ...bare].map(({ index, 0: whole }) => ({ kind: 'value of a secret name', index: index + (/\S/.exec(whole)?.index ?? 0) }));
}
