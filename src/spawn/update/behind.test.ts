import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf, type Book } from '../book.ts';
import { carryMended, lateWorkflows, withBehind } from './behind.ts';

const PATH = '.github/workflows/extra.yml';
const BEFORE = 'name: before\n';
const NEXT = 'name: next\n';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'behind-'));
  mkdirSync(join(root, '.github/workflows'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('what the child has of a workflow that could not be pushed', () => {
  it.each([
    { what: 'new, not applied', before: null, next: NEXT, own: undefined, base: undefined },
    { what: 'new, applied', before: null, next: NEXT, own: NEXT, base: NEXT },
    { what: 'new, applied and edited since', before: null, next: NEXT, own: `${NEXT}# mine\n`, base: NEXT },
    { what: 'changed, not applied', before: BEFORE, next: NEXT, own: BEFORE, base: BEFORE },
    { what: 'changed, not applied, edited', before: BEFORE, next: NEXT, own: `${BEFORE}# mine\n`, base: BEFORE },
    { what: 'changed, applied', before: BEFORE, next: NEXT, own: NEXT, base: NEXT },
    { what: 'dropped, not applied', before: BEFORE, next: null, own: BEFORE, base: BEFORE },
    { what: 'dropped, applied', before: BEFORE, next: null, own: undefined, base: undefined },
  ])('$what', ({ before, next, own, base }) => {
    if (own !== undefined) writeFileSync(join(root, PATH), own);
    const rendered = next === null ? [] : [{ path: PATH, content: next, mode: 0o644, class: 'merged' as const, origin: 'extra.yml' }];
    const behind: Book['behind'] = { [PATH]: { text: before, sha256: next === null ? null : hashOf(next) } };
    const files: Book['files'] = before === null ? {} : { [PATH]: { class: 'merged', sha256: hashOf(before) } };
    const found = withBehind(rendered, root, { behind, files }, carryMended(root, { behind }));
    expect(found.map(({ content }) => content)).toEqual(base === undefined ? [] : [base]);
  });
});

describe('what a codemod has made of a workflow that could not be pushed', () => {
  it.each([
    { what: 'new, not there', from: null, to: NEXT, own: undefined, carried: NEXT },
    { what: 'new, and another is there', from: null, to: NEXT, own: BEFORE, carried: undefined, notices: 1 },
    { what: 'new, applied', from: null, to: NEXT, own: NEXT, carried: undefined },
    { what: 'changed, not applied', from: BEFORE, to: NEXT, own: BEFORE, carried: NEXT },
    { what: 'changed, applied, with the line ends of a checkout', from: BEFORE, to: NEXT, own: NEXT.replace('\n', '\r\n'), carried: undefined },
    {
      what: 'changed, edited elsewhere since',
      from: `${BEFORE}a: 1\nb: 1\n`,
      to: `${NEXT}a: 1\nb: 1\n`,
      own: `${BEFORE}a: 1\nb: 2\n`,
      carried: `${NEXT}a: 1\nb: 2\n`,
    },
    { what: 'changed, the same line edited since', from: BEFORE, to: NEXT, own: 'name: mine\n', carried: undefined, notices: 1 },
    { what: 'changed, deleted since', from: BEFORE, to: NEXT, own: undefined, carried: undefined, notices: 1 },
    { what: 'deleted, not applied', from: BEFORE, to: null, own: BEFORE, carried: null },
    { what: 'deleted, applied', from: BEFORE, to: null, own: undefined, carried: undefined },
    { what: 'deleted, edited since', from: BEFORE, to: null, own: NEXT, carried: undefined, notices: 1 },
  ])('$what', ({ from, to, own, carried, notices = 0 }) => {
    if (own !== undefined) writeFileSync(join(root, PATH), own);
    const behind: Book['behind'] = { [PATH]: { text: null, sha256: null, mended: { from, to } } };
    const found = carryMended(root, { behind });
    expect({ text: found.texts.get(PATH), notices: found.notices.length }).toEqual({ text: carried, notices });
    expect(lateWorkflows(root, { behind })).toEqual(carried === undefined && notices === 0 ? [] : [PATH]);
  });
});
