/**
 * Characters that a reader does not see but a model does: zero-width and bidi controls, variation selectors, tag
 * characters, fillers, and control characters except tab and line feed. Emoji sequences lose their joiners, which is the price.
 */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFB]/gu;
// oxlint-disable-next-line no-control-regex -- terminal sequences begin with the escape character
const ANSI_SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g;
const LINE_BREAK = /\r\n?|[\u0085\u2028\u2029]/g;

const COMMENT_OPEN = '<!--';
const COMMENT_CLOSE = '-->';

/**
 * Takes out HTML comments in one pass over a stack, so that `<!<!-- a -->-- b -->` leaves nothing and hostile nesting
 * costs no more than its length. An unclosed comment hides the rest, as it does when GitHub renders it.
 */
function withoutComments(text: string): string {
  if (!text.includes(COMMENT_OPEN)) return text;
  const kept: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    kept.push(text.charAt(at));
    if (text.charAt(at) !== '-' || kept.slice(-COMMENT_OPEN.length).join('') !== COMMENT_OPEN) continue;
    kept.length -= COMMENT_OPEN.length;
    // `<!-->` and `<!--->` are whole comments: the dashes of the opening may serve the closing.
    const close = text.indexOf(COMMENT_CLOSE, at - 1);
    if (close === -1) break;
    at = close + COMMENT_CLOSE.length - 1;
  }
  return kept.join('');
}

/** Takes out what cannot be seen and keeps the rest as it is, comments included: for code, diffs and tool output. */
export function stripInvisible(text: string): string {
  return text.toWellFormed().replace(ANSI_SEQUENCE, '').replace(LINE_BREAK, '\n').replace(INVISIBLE, '');
}

/**
 * A stranger's text as a person reading it on GitHub sees it. The one place where issues, comments and reviews are
 * cleaned before they are stored or shown to a model.
 */
export function cleanUntrusted(text: string): string {
  return withoutComments(stripInvisible(text));
}

/** A cut that never falls between the halves of a surrogate pair. */
function safeCut(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

/** At most `maxChars` UTF-16 units from the beginning, in whole characters. */
export function truncateEnd(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : text.slice(0, safeCut(text, maxChars));
}

/** The same in whole lines where there are several. */
export function truncateLines(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const end = text.lastIndexOf('\n', maxChars);
  return end > 0 ? text.slice(0, end) : truncateEnd(text, maxChars);
}

/** At most `maxChars` UTF-16 units: head and tail survive, the middle is cut and the cut is said. */
export function truncateMiddle(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const marker = `\n[... ${text.length - maxChars} or more characters left out ...]\n`;
  const room = maxChars - marker.length;
  if (room <= 0) return text.slice(0, safeCut(text, maxChars));
  const head = safeCut(text, Math.ceil(room / 2));
  const tail = text.length - Math.floor(room / 2);
  const tailStart = safeCut(text, tail) === tail ? tail : tail + 1;
  return text.slice(0, head) + marker + text.slice(tailStart);
}

/** Letters that Unicode does not decompose to ASCII. */
const FOLDED: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ı: 'i' };

/** Words of any language as `[a-z0-9-]`, at most `max` characters, cut between words where that is possible; empty where nothing of it can be written so. */
export function asciiSlug(text: string, max: number): string {
  const ascii = text
    .slice(0, 1_000)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/\P{ASCII}/gu, (letter) => FOLDED[letter] ?? '-')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (ascii.length <= max) return ascii;
  const cut = ascii.slice(0, max + 1);
  const wordEnd = cut.lastIndexOf('-');
  return cut.slice(0, wordEnd >= max / 2 ? wordEnd : max).replace(/-$/, '');
}

/** A piece of a branch name: `[a-z0-9-]`, at most `max` characters, never empty. */
export function slug(title: string, max = 40): string {
  return asciiSlug(title, max) || 'issue';
}

/** What could be read as the edge of a block, in any spelling that a reader might take for it. */
const BLOCK_EDGE = /[<\uFF1C\uFE64](?=[\s/\uFF0F]*untrusted)/gi;

function block(label: string, text: string): string {
  const source = stripInvisible(label)
    .replace(/["<>&\s]+/g, ' ')
    .trim()
    .slice(0, 120);
  return `<untrusted source="${source}">\n${text.replace(BLOCK_EDGE, '&lt;')}\n</untrusted>`;
}

/** A stranger's prose, cleaned and marked as data. The text cannot close the block: what looks like an edge is escaped. */
export function untrustedBlock(label: string, text: string): string {
  return block(label, cleanUntrusted(text));
}

/** Like `untrustedBlock` for code, diffs and command output: comments in them are visible to people and stay. */
export function untrustedCode(label: string, text: string): string {
  return block(label, stripInvisible(text));
}
