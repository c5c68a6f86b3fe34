/*
 * Text of a model or of a stranger inside our own Markdown. What is code there is left as it is, so it must be code for GitHub too: where a
 * reader of lines and a reader of Markdown could differ, nothing counts as code.
 */

/** An underscore before it may be the mark of an emphasis, which is gone when GitHub looks for mentions; so may be the entity. */
const MENTION = /(?<![a-z0-9])@(?=[a-z0-9])/gi;
const MENTION_ENTITY = /&(?=(?:#0*64|#x0*40|commat);)/gi;
const TAG = /<(?=[a-z/!?])/gi;

function disarm(text: string): string {
  return text.replaceAll(MENTION, '@\u200b').replaceAll(MENTION_ENTITY, '&amp;').replaceAll(TAG, '&lt;');
}

const KEYWORD = /\b(?:close[sd]?|fix(?:es|ed)?|resolve[sd]?)\b(?=:?\s*$|:?\s+\S*(?:#\d|GH-\d|https?:))/gi;
/** `#1`, `acme/x#1`, `GH-1`; what follows a `#` within an address stays. */
const REFERENCE = /(?<=(?<![\w/#?&=.:-])(?:[\w.-]+(?:\/[\w.-]+)?)?#|\bGH-)(?=\d)/gi;

/** The same for a text that GitHub reads for what it closes: a pull request's. Numbers in it are those of another repository. */
function disarmReferences(text: string): string {
  return disarm(text.replaceAll(KEYWORD, '$&\u200b').replaceAll(REFERENCE, '\u200b'));
}

interface Line {
  text: string;
  /** A backtick is left that may open code which ends on a later line. */
  open: boolean;
}

/** The end of a code span that begins with so many backticks here; null where it has none on the line, or none that is sure. */
function spanEnd(line: string, start: number, ticks: number): number | null {
  const closing = [...line.slice(start + ticks).matchAll(/`+/g)].find(([run]) => run.length === ticks);
  if (!closing) return null;
  const end = start + ticks + closing.index + ticks;
  // The cells of a table come before code.
  return line.slice(start, end).includes('|') ? null : end;
}

/** One line, `treat`ed where it is no code; what `treat` does with a backslash decides whether that can escape a backtick. */
function quoteLine(line: string, treat: (text: string) => string, escapes: boolean): Line {
  let text = '';
  let plain = 0;
  let at = 0;
  while (at < line.length) {
    if (escapes && line[at] === '\\' && /[\\`]/.test(line[at + 1] ?? '')) at += 2;
    else if (line[at] !== '`') at += 1;
    else {
      const ticks = /^`+/.exec(line.slice(at))?.[0].length ?? 1;
      const end = spanEnd(line, at, ticks);
      text += treat(line.slice(plain, at));
      if (end === null) return { text: text + treat(line.slice(at)), open: true };
      text += line.slice(at, end);
      plain = at = end;
    }
  }
  return { text: text + treat(line.slice(plain)), open: false };
}

interface Fence {
  mark: string;
  indent: string;
}

const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;
/** Where the whole text is indented afterwards. */
const FLUSH_FENCE = /^()(`{3,}|~{3,})(.*)$/;
/** What may be one as well, in a quote, an item of a list or deeper in one. */
const HIDDEN_FENCE = /^(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*(`{3,}|~{3,})(.*)$/;
const CLOSING = /^ *(`{3,}|~{3,})[ \t]*$/;

function isFence(pattern: RegExp, line: string): boolean {
  const [mark, rest] = pattern.exec(line)?.slice(-2) ?? [];
  return mark !== undefined && !(mark.startsWith('`') && rest?.includes('`'));
}

function closes({ mark }: Fence, line: string): boolean {
  return CLOSING.exec(line)?.[1]?.startsWith(mark) ?? false;
}

/** Line after line; each comes back as one or, where a block of code ends before it, as two. */
class Quoter {
  readonly #opening: RegExp;
  readonly #treat: (text: string) => string;
  #fence: Fence | null = null;
  /** Nobody can say any more what is code. */
  #lost = false;
  /** The same up to the end of the paragraph. */
  #open = false;

  constructor(opening: RegExp, treat: (text: string) => string) {
    this.#opening = opening;
    this.#treat = treat;
  }

  take(line: string): string[] {
    const fence = this.#fence;
    if (fence) {
      if (closes(fence, line)) return this.end();
      if (line.trim() === '' || line.startsWith('\t') || line.startsWith(fence.indent)) return [line];
      // Where the block belongs to an item of a list, it ends here with the item; now it does so everywhere.
      return [...this.end(), ...this.take(line)];
    }
    if (line.trim() === '') this.#open = false;
    if (!this.#lost && isFence(this.#opening, line)) {
      const [, indent = '', mark = ''] = this.#opening.exec(line) ?? [];
      this.#fence = { indent, mark };
      this.#open = false;
      return [line];
    }
    if (isFence(HIDDEN_FENCE, line)) this.#lost = true;
    // What would open a block that nobody closes is text.
    if (this.#lost) return [this.#treat(FENCE.test(line) ? line.replace(/[`~]/g, '\\$&') : line)];
    if (this.#open) return [this.#treat(line)];
    const { text, open } = quoteLine(line, this.#treat, true);
    this.#open = open;
    return [text];
  }

  end(): string[] {
    const fence = this.#fence;
    this.#fence = null;
    return fence ? [fence.indent + fence.mark] : [];
  }
}

/**
 * Text that stays Markdown, but cannot write HTML (and so not close our folds), leave a code block open behind it, notify people, or forge a
 * hidden marker, in code blocks neither: markers are looked for in the raw text.
 */
export function quoteForComment(text: string): string {
  return quote(text, FENCE);
}

/** The same in the text of a pull request: it closes nothing, and refers to no issue of this repository. */
export function quoteForPull(text: string): string {
  return quote(text, FENCE, disarmReferences);
}

function quote(text: string, opening: RegExp, treat = disarm): string {
  const quoter = new Quoter(opening, treat);
  const lines = text.split(/\r\n?|\n/).flatMap((line) => quoter.take(line));
  return [...lines, ...quoter.end()].join('\n').replaceAll('<!--', '&lt;!--');
}

/** The same as one item of a list: what follows its first line belongs to it and starts no item of ours. */
export function quoteForItem(text: string): string {
  const begins = isFence(FENCE, text.split(/[\r\n]/, 1)[0] ?? '') ? `\n${text}` : text;
  return quote(begins, FLUSH_FENCE).replaceAll('\n', '\n   ');
}

const LINE_CHARS = 200;
/** Between the parts of what GitHub would make a link or a reference of. */
const REFERENCES = /(?<=\b(?:https?|ftp):)(?=\/\/)|(?<=\bwww)(?=\.)|(?<=#|\bGH-)(?=\d)/gi;

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, LINE_CHARS);
}

function disarmPlain(text: string): string {
  return disarm(text.replaceAll(/[\\[`]/g, '\\$&')).replaceAll(REFERENCES, '\u200b');
}

/** One line of no great length and without Markdown but for code: no links, images or references in the words of others. */
export function quoteForLine(text: string): string {
  return quoteLine(oneLine(text), disarmPlain, false).text.replaceAll('<!--', '&lt;!--');
}

/** The same, all of it as code. */
export function quoteAsCode(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'").replaceAll('<!--', '&lt;!--')}\``;
}

/** That in one cell of a table. */
export function quoteForCell(text: string): string {
  return quoteAsCode(text).replaceAll('|', '\\|');
}
