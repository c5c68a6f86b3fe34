import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf, type Book } from '../book.ts';
import { withBehind } from './behind.ts';

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
    const found = withBehind(rendered, root, { behind, files } as Book);
    expect(found.map(({ content }) => content)).toEqual(base === undefined ? [] : [base]);
  });
});
