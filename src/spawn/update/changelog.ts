import semver from 'semver';

export interface ChangelogSection {
  version: string;
  text: string;
}

/** The sections of a changelog (keepachangelog.com) after one version, up to another, newest first. */
export function changelogBetween(text: string, from: string, to: string): ChangelogSection[] {
  const headings = [...text.matchAll(/^## \[?v?(\d+\.\d+\.\d+[^\]\s]*)\]?.*$/gm)];
  return headings.flatMap((heading, index) => {
    const version = heading[1] ?? '';
    if (!semver.valid(version) || semver.lte(version, from) || semver.gt(version, to)) return [];
    const body = text.slice(heading.index + heading[0].length, headings[index + 1]?.index ?? text.length);
    return [{ version, text: body.replaceAll(/^\[[^\]]+\]: .*$/gm, '').trim() }];
  });
}

/** Entries that say that something breaks, as one line each. */
export function breakingEntries(text: string): string[] {
  return text.split('\n').flatMap((line) => (/^\s*[-*] .*\bBREAKING\b/.test(line) ? [line.replace(/^\s*[-*] /, '').trim()] : []));
}
