import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAnswers } from './answers.ts';
import { createBook, hashOf, readBook, unknownFields, writeBook } from './book.ts';
import { renderTemplate } from './render.ts';
import { readTemplate } from './template.ts';

const template = readTemplate(fileURLToPath(new URL('../../', import.meta.url)));
const answers = parseAnswers({ name: 'my-shop', domain: 'e-commerce', agents: ['developer'] }, 'answers');
const files = renderTemplate(template, answers, { banyan: 'banyan' });
const book = createBook({ template, commit: 'a'.repeat(40), banyan: 'banyan', answers, files });

describe('the book', () => {
  it('comes back as it was written', () => {
    expect(readBook(writeBook(book))).toEqual(book);
    expect(Object.keys(book.files)).toEqual(files.map(({ path }) => path));
    expect(book.files['src/functions.ts']).toEqual({ class: 'managed', sha256: hashOf(files.find(({ path }) => path === 'src/functions.ts')!.content) });
  });

  it('has the same bytes whatever the order of its fields', () => {
    const turned = {
      ...Object.fromEntries(Object.entries(book).toReversed()),
      files: Object.fromEntries(Object.entries(book.files).toReversed()),
    } as typeof book;
    expect(writeBook(turned)).toBe(writeBook(book));
  });

  it.each([
    ['no file', null, /no child of Banyan/],
    ['no JSON', '{', /is not JSON/],
    ['a newer format', JSON.stringify({ ...book, format: 2 }), /newer than this banyan/],
    ['a version that is none', JSON.stringify({ ...book, version: 'file:/tmp/elsewhere' }), /version: must be a version/],
    ['a version with a path', JSON.stringify({ ...book, version: '0.1.0/../../x' }), /version: must be a version/],
    ['a package from elsewhere on the machine', JSON.stringify({ ...book, banyan: 'file:/tmp/elsewhere' }), /banyan: must be a version/],
    ['a package under another name', JSON.stringify({ ...book, banyan: 'npm:other@1.0.0' }), /banyan: must be a version/],
    ['an option for npm', JSON.stringify({ ...book, banyan: '--registry=x' }), /banyan: must be a version/],
    ['a mother that is no repository', JSON.stringify({ ...book, mother: '../..' }), /mother: must be owner/],
    ['a wrong hash', JSON.stringify({ ...book, files: { 'a.ts': { class: 'seed', sha256: 'x' } } }), /files\.a\.ts\.sha256/],
    ['a path that leaves the folder', JSON.stringify({ ...book, files: { '../a.ts': { class: 'seed', sha256: 'a'.repeat(64) } } }), /leaves the folder/],
    ...['\u009b31m', '\u202e', '\u200b', '\u00a0', '\u2028', '\u{e0041}', '\u3164'].map((character): [string, string, RegExp] => [
      `a path with the invisible U+${character.codePointAt(0)?.toString(16)}`,
      JSON.stringify({ ...book, files: { [`src/${character}evil.ts`]: { class: 'seed', sha256: 'a'.repeat(64) } } }),
      /^The path "src\/\\u\{[0-9a-f]+\}(?:31m)?evil\.ts" has a character that not everybody sees\.$/,
    ]),
    ['an unknown class', JSON.stringify({ ...book, files: { 'a.ts': { class: 'own', sha256: 'a'.repeat(64) } } }), /class/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => readBook(text)).toThrowError(message);
  });

  it.each([
    '0.1.0',
    '^0.1.0',
    'latest',
    'file:vendor/banyan-0.1.0.tgz',
    'https://example.com/banyan-0.1.0.tgz',
    'git+https://github.com/acme/banyan.git#main',
    'github:acme/banyan',
  ])('takes a child that depends on %s', (spec) => {
    expect(readBook(JSON.stringify({ ...book, banyan: spec })).banyan).toBe(spec);
  });

  it('keeps what a later version has added, in a stable order, and names it', () => {
    const later = JSON.parse(JSON.stringify(book)) as typeof book;
    const file = later.files['src/functions.ts']!;
    Object.assign(later, { zone: { a: [1] }, also: true });
    Object.assign(later.answers, { region: 'fra1', area: 'eu' });
    Object.assign(file, { since: '0.3.0' });
    const read = readBook(JSON.stringify(later));
    expect(unknownFields(read)).toEqual(['zone', 'also', 'answers.region', 'answers.area']);
    const text = writeBook(read);
    expect(JSON.parse(text)).toEqual(later);
    expect(writeBook(readBook(text))).toBe(text);
    expect(text.indexOf('"also"')).toBeLessThan(text.indexOf('"zone"'));
    expect(unknownFields(book)).toEqual([]);
  });

  it('fills in the defaults of questions that it does not know yet', () => {
    const { schedule: _schedule, ...older } = book.answers;
    expect(readBook(JSON.stringify({ ...book, answers: older })).answers.schedule).toBe('minute');
  });
});

describe('parseAnswers', () => {
  it.each([
    [{ name: 'My Shop' }, /name: must be/],
    [{ agents: [] }, /agents: .*at least one/],
    [{ agents: ['qa', 'qa'] }, /agents: .*twice/],
    [{ owner: '-acme' }, /owner/],
    [{ description: 'two\nlines' }, /description: must be one line/],
    [{ budget: 5 }, /budget: not a question/],
    [{ domain: '../x' }, /domain: must be/],
  ])('names what is wrong with %j', (changes, message) => {
    expect(() => parseAnswers({ ...answers, ...changes }, 'answers.json')).toThrowError(message);
  });
});
