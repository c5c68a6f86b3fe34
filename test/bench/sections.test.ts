import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../../scripts/bench/postgres.ts';
import type { TestPostgres } from '../../scripts/bench/postgres.ts';
import { SECTIONS } from '../../scripts/bench/sections.ts';
import { sectionMarkdown, withBlock } from '../../scripts/bench/text.ts';

const page = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());

describe.each(Object.keys(SECTIONS))('the section %s', (name) => {
  it('runs, has figures in every row, and a place on the page', { timeout: 600_000 }, async () => {
    const section = await SECTIONS[name]!({ rounds: 1, quick: true, postgres, say: () => undefined });
    expect(section.name).toBe(name);
    expect(section.tables.length).toBeGreaterThan(0);
    for (const { columns, rows } of section.tables) {
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map((row) => row.length)).toEqual(rows.map(() => columns.length));
    }
    expect(JSON.stringify(section.tables)).not.toMatch(/NaN|Infinity|undefined/);
    expect(withBlock(page, name, sectionMarkdown(section))).toContain(section.tables[0]!.title);
  });
});
