import { describe, expect, it } from 'vitest';
import { createPostgresTransport } from './postgres-transport.ts';

function throwing(error: Error): Parameters<typeof createPostgresTransport>[0] {
  return {
    async query() {
      throw error;
    },
  };
}

function refusal(code: string): Error {
  return Object.assign(new Error('no'), { code, detail: 'because' });
}

describe('direct transport', () => {
  it('sends one nameless statement with named arguments; objects and arrays as JSON', async () => {
    const seen: unknown[] = [];
    const transport = createPostgresTransport({
      query: (text, values) => {
        seen.push(text, values);
        return Promise.resolve({ rows: [{ result: { ok: true } }] });
      },
    });
    expect(await transport.call('do_it', { p_list: [1, 'a'], p_map: { b: null }, p_text: 'x', p_none: undefined })).toEqual({ ok: true });
    expect(seen).toEqual(['select public.do_it(p_list => $1, p_map => $2, p_text => $3, p_none => $4) as result', ['[1,"a"]', '{"b":null}', 'x', null]]);
  });

  it.each([
    ['PT409', 'conflict', 'permanent'],
    ['23505', 'database_error', 'permanent'],
    ['42883', 'database_error', 'permanent'],
    ['40P01', 'database_unavailable', 'transient'],
    ['57P01', 'database_unavailable', 'transient'],
    ['53300', 'database_unavailable', 'transient'],
  ])('SQLSTATE %s is %s, %s', async (sqlstate, code, retry) => {
    const call = createPostgresTransport(throwing(refusal(sqlstate))).call('f', {});
    await expect(call).rejects.toMatchObject({ code, retry, data: { fn: 'f', sqlstate } });
  });

  it('takes a connection that failed for no answer', async () => {
    const gone = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    await expect(createPostgresTransport(throwing(gone)).call('f', {})).rejects.toMatchObject({ code: 'database_unavailable', cause: gone });
  });

  it('refuses names that are not names', async () => {
    const transport = createPostgresTransport(throwing(new Error('never')));
    await expect(transport.call('f(); drop table x', {})).rejects.toMatchObject({ code: 'internal' });
    await expect(transport.call('f', { 'a => 1, b': 1 })).rejects.toMatchObject({ code: 'internal' });
  });
});
