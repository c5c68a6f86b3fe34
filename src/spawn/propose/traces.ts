import { hostsIn, repositoriesIn } from './hosts.ts';

/** A trace of somebody, found by its form alone: not certain, so that a person may let it through. */
export interface Trace {
  kind: 'address' | 'repository' | 'person' | 'e-mail address';
  text: string;
}

const EMAIL = /[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,10}[a-z]{2,}/gi;
const NO_PERSON = /^git@|@(?:[\w-]+\.)*example\.(?:com|net|org)$|\.(?:example|test|invalid|localhost)$/i;

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

export interface TraceSearch {
  path: string;
  /** A word, or `owner/repository`, that the mother's own templates have. */
  isCommon: (word: string) => boolean;
  /** `owner/repository` of the mother. */
  mother: string | undefined;
}

/** Addresses and people in one line. */
export function tracesIn(line: string, { path, isCommon, mother }: TraceSearch): Trace[] {
  const remotes = all(line, REMOTE).filter((text) => !text.includes('://'));
  const numbers = [...all(line, IPV4), ...all(line, IPV6)];
  const addresses = [...hostsIn(line, path).filter((host) => !host.includes('.') || !isCommon(host)), ...numbers].filter((text) => !NOBODYS_ADDRESS.test(text));
  const inside = all(line, INSIDE).filter((text) => !addresses.includes(text));
  const mentions = [...line.matchAll(MENTION)].flatMap(({ 0: text, index }) => (NO_MENTION.test(text) || isPackage(line, index, text) ? [] : [text]));
  const repositories = repositoriesIn(line, (repository) => isCommon(repository) || repository.toLowerCase() === mother?.toLowerCase());
  return [
    ...all(line, EMAIL).flatMap((text) => (NO_PERSON.test(text) ? [] : [{ kind: 'e-mail address' as const, text }])),
    ...[...remotes, ...addresses, ...inside].map((text) => ({ kind: 'address' as const, text })),
    ...repositories.map((text) => ({ kind: 'repository' as const, text })),
    ...mentions.map((text) => ({ kind: 'person' as const, text })),
  ];
}
