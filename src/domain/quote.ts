/** Code spans of one line; an escaped backtick opens none. */
const CODE_SPAN = /(?<![`\\])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/;
const MENTION = /(?<!\w)@(?=[a-z0-9])/;
const TAG = /<(?=[a-z/!?])/;
const OUTSIDE_CODE = new RegExp(`${CODE_SPAN.source}|${MENTION.source}|${TAG.source}`, 'gi');
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

function quoteLine(line: string): string {
  return line.replace(OUTSIDE_CODE, (found) => (found === '@' ? '@\u200b' : found === '<' ? '&lt;' : found));
}

/** The fence that is open after the line. */
function fenceAfter(open: string | null, line: string): string | null {
  const [, fence, rest] = FENCE.exec(line) ?? [];
  if (!fence) return open;
  if (open === null) return fence.startsWith('`') && rest?.includes('`') ? null : fence;
  return fence.startsWith(open) && rest?.trim() === '' ? null : open;
}

/**
 * Text of a model or of a stranger inside our own Markdown. It stays Markdown, but it cannot write HTML (and so not close
 * our folds), leave a code block open behind it, notify people, or forge a hidden marker, in code blocks neither: markers are looked for in
 * the raw text.
 */
export function quoteForComment(text: string): string {
  let open: string | null = null;
  const lines = text.split('\n').map((line) => {
    const inside = open !== null;
    open = fenceAfter(open, line);
    return inside || open !== null ? line : quoteLine(line);
  });
  return [...lines, ...(open === null ? [] : [open])].join('\n').replaceAll('<!--', '&lt;!--');
}

/** The same as one item of a list: what follows its first line belongs to it and starts no item of ours. */
export function quoteForItem(text: string): string {
  return quoteForComment(text).replaceAll('\n', '\n   ');
}

const LINE_CHARS = 200;

/** The same as a title: one line of no great length. */
export function quoteForLine(text: string): string {
  return quoteForComment(text.replaceAll(/\s+/g, ' ').slice(0, LINE_CHARS));
}

/** The same in one cell of a table. */
export function quoteForCell(text: string): string {
  return quoteForLine(text).replaceAll('|', '\\|');
}
