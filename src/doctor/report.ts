import type { Result, Status } from './types.ts';

const WORDS: Record<Status, string> = { ok: 'ok', warn: 'warn', fail: 'FAIL', skipped: 'skip' };

function indented(text: string): string {
  return text.split('\n').join('\n        ');
}

/** One check as people read it. */
export function lineOf({ status, title, says, fix }: Result): string {
  const mend = fix === undefined ? '' : `\n        -> ${indented(fix)}`;
  return `${WORDS[status].padEnd(6)}  ${title}: ${indented(says)}${mend}`;
}

function counts(results: readonly Result[]): Record<Status, number> {
  const count = (status: Status) => results.filter((result) => result.status === status).length;
  return { ok: count('ok'), warn: count('warn'), fail: count('fail'), skipped: count('skipped') };
}

export function summaryOf(results: readonly Result[]): string {
  const { ok, warn, fail, skipped } = counts(results);
  return `${results.length} checks: ${ok} ok, ${warn} warnings, ${fail} failed, ${skipped} skipped.`;
}

/** Without a user, a password and whatever was asked: they are nobody's business who reads a report. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/, '')}`;
}

/** The same for machines. */
export function jsonOf(results: readonly Result[], about: { url: string | undefined; version: string }): string {
  return JSON.stringify(
    {
      ok: results.every(({ status }) => status !== 'fail'),
      version: about.version,
      url: about.url === undefined ? null : shown(about.url),
      counts: counts(results),
      checks: results,
    },
    null,
    2,
  );
}
