import { isDeepStrictEqual } from 'node:util';
import type { Book } from '../book.ts';
import { tarballName } from '../package.ts';
import { vendored, type Release } from './target.ts';

/** How a child depends on the package, and what an update makes of that. */

/** A child that took its package from a registry goes on so; else the package lies in it. */
export function specFor(book: Book, { template, published, source }: Release): string {
  if (vendored(book.banyan) === null && published) return template.version;
  return `file:vendor/${source.kind === 'tarball' ? tarballName(source.path) : `banyan-${template.version}.tgz`}`;
}

/** How the child depends on the package afterwards, and before. */
export interface Specs {
  spec: string;
  old: string;
}

const SECTIONS = ['dependencies', 'devDependencies', 'optionalDependencies'];

type Manifest = Record<string, Record<string, unknown> | undefined>;

/** Null for what is no JSON: a person's package.json may be in any state. A byte order mark may stand before it. */
function parsed(text: string): Manifest | null {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as Manifest;
  } catch {
    return null;
  }
}

function withIn(text: string, section: string, spec: string): string {
  const before = parsed(text);
  if (before === null) return text;
  const wanted = { ...before, [section]: { ...before[section], banyan: spec } };
  for (const { 0: entry, 1: key = '', index } of text.matchAll(/("banyan"\s*:\s*)"(?:[^"\\]|\\.)*"/g)) {
    const candidate = `${text.slice(0, index)}${key}${JSON.stringify(spec)}${text.slice(index + entry.length)}`;
    if (isDeepStrictEqual(parsed(candidate), wanted)) return candidate;
  }
  return text;
}

/**
 * A package.json with another version of our package wherever it depends on it, and every other byte as it was: a script or a setting may have our
 * name, too. An override is ours where it says what the dependency said before.
 * @returns the text itself where it does not depend on the package
 */
export function withDependency(text: string, { spec, old }: Specs): string {
  const manifest = parsed(text);
  const sections = SECTIONS.filter((name) => typeof manifest?.[name]?.['banyan'] === 'string');
  const overridden = manifest?.['overrides']?.['banyan'] === old ? ['overrides'] : [];
  return [...sections, ...overridden].reduce((changed, section) => withIn(changed, section, spec), text);
}
