import { describe, expect, it } from 'vitest';
import { BanyanError } from '../kernel/errors.ts';
import { examine } from './examine.ts';
import { fail, ok, warn } from './types.ts';
import type { Check, Subject } from './types.ts';

const subject = {
  source: { CRON_SECRET: 'hunter2-hunter2', GITHUB_APP_PRIVATE_KEY: 'line one\\nline two', BANYAN_URL: 'https://banyan.test' },
  problems: [{ name: 'SUPABASE_URL', what: 'is not set' }],
} as unknown as Subject;
const check = (id: string, more: Partial<Check>): Check => ({ id, title: `the ${id}`, run: () => ok('fine'), ...more });
const statuses = async (...checks: Check[]) => (await examine(checks, subject)).map(({ id, status, says }) => [id, status, says]);

describe('examine', () => {
  it('makes every check whatever the others come to, and tells them in the order of the list', async () => {
    const heard: string[] = [];
    const checks = [
      check('throws', { run: () => Promise.reject(new BanyanError('internal', 'broken', { fix: 'Mend it.' })) }),
      check('slow', { run: () => new Promise((resolve) => setImmediate(() => resolve(ok('late')))) }),
      check('fast', {}),
    ];
    const results = await examine(checks, subject, ({ id }) => heard.push(id));
    expect(results.map(({ status, says, fix }) => [status, says, fix])).toEqual([
      ['fail', 'broken', 'Mend it.'],
      ['ok', 'late', undefined],
      ['ok', 'fine', undefined],
    ]);
    expect(heard).toEqual(['throws', 'slow', 'fast']);
  });

  it('leaves out what builds on a check that failed or was left out, with the reason', async () => {
    const first = check('first', { run: () => fail('down', 'Up.') });
    expect(await statuses(first, check('second', { after: ['first'] }), check('third', { after: ['second'] }), check('other', {}))).toEqual([
      ['first', 'fail', 'down'],
      ['second', 'skipped', '"the first" comes first.'],
      ['third', 'skipped', '"the second" comes first.'],
      ['other', 'ok', 'fine'],
    ]);
    expect(await statuses(check('first', { run: () => warn('odd', 'Look.') }), check('second', { after: ['first'] }))).toMatchObject([{}, { 1: 'ok' }]);
  });

  it('leaves out what needs a variable that is not sound', async () => {
    expect(await statuses(check('a', { needs: ['SUPABASE_URL'] }))).toEqual([['a', 'skipped', 'SUPABASE_URL is not set.']]);
  });

  it('waits no longer than a check may take', async () => {
    const hanging = check('hanging', { seconds: 0.05, run: () => new Promise(() => undefined) });
    expect(await statuses(hanging, check('other', {}))).toEqual([
      ['hanging', 'fail', 'There was no answer within 0.05 s.'],
      ['other', 'ok', 'fine'],
    ]);
  });

  it('prints no secret, in what is found or in how it is mended', async () => {
    const says = 'got hunter2-hunter2, line one\nline two and ghp_0123456789abcdefghij0123456789abcdefghij at https://banyan.test';
    const [result] = await examine([check('loud', { run: () => fail(says, 'Not hunter2-hunter2.') })], subject);
    expect(result).toMatchObject({
      says: 'got [redacted:own_secret], [redacted:own_secret] and [redacted:github_token] at https://banyan.test',
      fix: 'Not [redacted:own_secret].',
    });
  });
});
