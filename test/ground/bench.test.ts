import { describe, expect, it } from 'vitest';
import { median, percentile, spreadOf } from '../../scripts/bench/figures.ts';
import { Recorder } from '../../scripts/bench/flow/recorder.ts';
import { covered, shares } from '../../scripts/bench/flow/spans.ts';
import type { Category, Span } from '../../scripts/bench/flow/spans.ts';
import { sectionMarkdown, sectionText, withBlock } from '../../scripts/bench/text.ts';

function span(category: Category, start: number, end: number, beside = false): Span {
  return { category, name: 'x', start, end, repo: null, beside };
}

describe('the figures of a benchmark', () => {
  it('are medians and nearest ranks', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 2, 3, 10])).toBe(2.5);
    expect(median([])).toBe(0);
    const tenths = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    expect([percentile(tenths, 50), percentile(tenths, 95)]).toEqual([50, 100]);
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });

  it('count what overlaps once, and only what lies in the window', () => {
    const spans = [span('database', -10, 5), span('database', 3, 8), span('database', 20, 40)];
    expect(covered(spans, { start: 0, end: 30 })).toBe(18);
  });

  it('give each moment to one category and the rest to the own code', () => {
    const spans = [span('database', 0, 10), span('tests', 5, 20), span('github', 18, 25), span('github', 25, 90, true)];
    const result = shares(spans, { start: 0, end: 100 });
    expect(result).toEqual({ scheduling: 0, tests: 15, sandbox: 0, github: 5, database: 5, model: 0, own: 75 });
  });
});

describe('the recorder', () => {
  const hosts = { database: 'http://db.test', github: 'http://github.test', model: 'http://model.test' };
  const answering: typeof fetch = () => Promise.resolve(Response.json({}));

  it('names calls by their route and leaves other hosts alone', async () => {
    const recorder = new Recorder();
    const measured = recorder.wrapFetch(answering, hosts);
    await measured('http://db.test/rest/v1/rpc/claim', { method: 'POST' });
    await recorder.beside(() => measured('http://github.test/repos/acme/shop/issues/12/labels', { method: 'POST' }));
    await measured('http://github.test/repos/acme/shop/git/ref/heads%2Ffeature%2F1-x');
    await measured('http://model.test/v1/chat/completions', { method: 'POST' });
    await measured('http://elsewhere.test/');
    await recorder.quiet();
    expect(recorder.spans.map(({ category, name, repo, beside }) => [category, name, repo, beside])).toEqual([
      ['database', 'claim', null, false],
      ['github', 'POST /issues/:n/labels', 'shop', true],
      ['github', 'GET /git/ref/heads/:name', 'shop', false],
      ['model', 'chat completion', null, false],
    ]);
  });

  it('tells when people see something, and fails when a person is needed', async () => {
    const recorder = new Recorder();
    const measured = recorder.wrapFetch(answering, hosts);
    const comment = (body: string) => ({ method: 'POST', body: JSON.stringify({ body: `${body} <!-- banyan:status:a-b#1/status -->` }) });
    const seen = recorder.reached('shop#1', 'status');
    await measured('http://github.test/repos/acme/shop/issues/1/comments', comment('Analysing'));
    expect(await seen).toBeGreaterThan(0);
    const ready = recorder.reached('shop#1', 'ready');
    await measured('http://github.test/repos/acme/shop/issues/comments/7', { ...comment('A person is needed'), method: 'PATCH' });
    await expect(ready).rejects.toThrow('asks for a person');
  });
});

describe('what the benchmark writes', () => {
  const section = {
    name: 'x',
    title: 'X',
    tables: [{ title: 'T', columns: ['', 'ms'], rows: [['a|b', 1.5]] }],
    goals: [{ goal: 'fast', value: '1.5 ms', reached: false }],
    notes: ['Why.'],
    data: null,
  };

  it('says of each goal whether it is reached', () => {
    expect(sectionText(section)).toMatch(/a\|b +1\.5[^]*not reached {2}fast: 1\.5 ms[^]*Why\./);
  });

  it('stands between its markers and nowhere else', () => {
    const page = 'before\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nafter\n';
    const written = withBlock(page, 'x', sectionMarkdown(section));
    expect(written).toMatch(
      /^before\n<!-- bench:x -->\nT\n\n\|  \| ms \|\n\| --- \| ---: \|\n\| a\\\|b \| 1\.5 \|[^]*not reached[^]*\n<!-- \/bench:x -->\nafter\n$/,
    );
    expect(written).not.toContain('old');
    expect(() => withBlock(page, 'y', '')).toThrow('no place for "y"');
  });
});
