import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lexer, walkTokens } from 'marked';
import type { Token, Tokens } from 'marked';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** One Markdown page of the project, read for what can be checked about it. */
export interface Page {
  /** Relative to the root, `docs/deploy.md`. */
  path: string;
  text: string;
  /** Targets of links and images as they are written. */
  links: string[];
  /** What a link to this page may name after `#`. */
  anchors: Set<string>;
  /** Code, in spans and in blocks. */
  code: string[];
}

function tokensOf(text: string): Token[] {
  const all: Token[] = [];
  void walkTokens(lexer(text), (token) => {
    all.push(token);
  });
  return all;
}

/** GitHub's name for a heading: lower case, without punctuation, a dash for each space, counted where it comes again. */
function slugs(headings: string[]): string[] {
  const seen = new Map<string, number>();
  return headings.map((heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

export function readPage(path: string): Page {
  const text = readFileSync(posix.join(ROOT, path), 'utf8');
  const tokens = tokensOf(text);
  const headings = tokens.filter((token): token is Tokens.Heading => token.type === 'heading').map((token) => token.text);
  const ids = [...text.matchAll(/\bid="([^"]+)"/g)].map((match) => match[1] ?? '');
  return {
    path,
    text,
    links: tokens.filter((token): token is Tokens.Link | Tokens.Image => token.type === 'link' || token.type === 'image').map((token) => token.href),
    anchors: new Set([...slugs(headings), ...ids]),
    code: tokens.filter((token): token is Tokens.Code | Tokens.Codespan => token.type === 'code' || token.type === 'codespan').map((token) => token.text),
  };
}

/** Every page that people are sent to: those in the root and those in `docs/`. */
export function readPages(): Page[] {
  const inRoot = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const inDocs = readdirSync(posix.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return [...inRoot, ...inDocs.map((name) => `docs/${name}`)].map(readPage);
}

/** What follows the hidden line `<!-- <marker> -->`, of one kind of token. */
function markedToken(page: Page, marker: string, type: string): Token {
  const line = `<!-- ${marker} -->`;
  const at = page.text.indexOf(line);
  if (at === -1) throw new Error(`${page.path} has no line ${line}`);
  // A table inside a list item is indented as the item is.
  const rest = page.text
    .slice(at + line.length)
    .split('\n')
    .map((row) => row.trimStart())
    .join('\n');
  const found = lexer(type === 'table' ? rest : page.text.slice(at + line.length)).find((token) => token.type === type);
  if (!found) throw new Error(`${page.path}: no ${type} follows ${line}`);
  return found;
}

/** The cells of a table as written, row by row, without its head. */
export function markedTable(page: Page, name: string): string[][] {
  const table = markedToken(page, `table: ${name}`, 'table') as Tokens.Table;
  return table.rows.map((row) => row.map((cell) => cell.text));
}

export function markedExample(page: Page, name: string): string {
  return (markedToken(page, `example: ${name}`, 'code') as Tokens.Code).text;
}

/** The code spans of a cell: "`a`, `b`" gives a and b. */
export function spansOf(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** The code spans of a table's first column. */
export function firstColumn(page: Page, name: string): string[] {
  return markedTable(page, name).flatMap((row) => spansOf(row[0]));
}
