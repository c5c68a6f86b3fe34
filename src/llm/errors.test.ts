import { describe, expect, test } from 'vitest';
import { BanyanError } from '../kernel/errors.ts';
import { modelError } from './errors.ts';

const NOW = new Date('2030-01-01T00:00:00Z');

function thrown(fields: Record<string, unknown>): Error {
  return Object.assign(new Error('some text'), fields);
}

describe('modelError', () => {
  test.each([
    [400, 'model_rejected', 'needs_human'],
    [401, 'model_rejected', 'needs_human'],
    [402, 'model_rejected', 'needs_human'],
    [403, 'model_rejected', 'needs_human'],
    [404, 'model_rejected', 'needs_human'],
    [408, 'model_unavailable', 'transient'],
    [409, 'model_unavailable', 'transient'],
    [413, 'limit_reached', 'needs_human'],
    [422, 'model_rejected', 'needs_human'],
    [429, 'model_rate_limited', 'rate_limit'],
    [500, 'model_unavailable', 'transient'],
    [503, 'model_unavailable', 'transient'],
    [529, 'model_unavailable', 'transient'],
  ])('status %i is %s, %s', (status, code, retry) => {
    const error = modelError(thrown({ status }), NOW);
    expect(error).toMatchObject({ code, retry });
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.fix === undefined).toBe(retry !== 'needs_human');
  });

  test.each([
    [{ 'retry-after': '30' }, 30_000],
    [{ 'retry-after': '0' }, 1_000],
    [{ 'retry-after': 'Tue, 01 Jan 2030 00:02:00 GMT' }, 120_000],
    [{ 'retry-after': 'soon' }, 60_000],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '30' }, 1_500],
    [{}, 60_000],
  ])('429 with %j waits %i ms', (headers, wait) => {
    for (const form of [headers, new Headers(headers)]) {
      expect(modelError(thrown({ status: 429, headers: form }), NOW).retryAt?.getTime()).toBe(NOW.getTime() + wait);
    }
  });

  test.each([
    [{ status: 429, code: 'insufficient_quota' }, 'model_rejected'],
    [{ status: 429, error: { code: 'insufficient_quota' } }, 'model_rejected'],
    [{ status: 400, code: 'context_length_exceeded' }, 'limit_reached'],
    [{ name: 'ContextOverflowError' }, 'limit_reached'],
    [{ name: 'TimeoutError' }, 'model_unavailable'],
    [{ code: 'ECONNREFUSED' }, 'model_unavailable'],
    [{ response: { status: 404 } }, 'model_rejected'],
  ])('%j is %s', (fields, code) => {
    expect(modelError(thrown(fields), NOW).code).toBe(code);
  });

  test('the text of an error decides nothing, and what is no error is transient', () => {
    expect(modelError(new Error('401 rate limit context_length_exceeded')).code).toBe('model_unavailable');
    expect(modelError('a string').retry).toBe('transient');
    expect(modelError(null).retry).toBe('transient');
  });

  test("Banyan's own errors pass through", () => {
    const own = new BanyanError('lease_lost', 'gone');
    expect(modelError(own)).toBe(own);
  });
});
