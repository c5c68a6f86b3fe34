import { expect, it } from 'vitest';
import { BanyanError } from '../kernel/errors.ts';
import { judgeTask, putOff, putOffTask } from './failures.ts';

const WEEK = { seconds: null, patienceSeconds: 7 * 24 * 3600 };

it('waits for access to a repository, and for nothing else that a person must mend', () => {
  const refused = new BanyanError('forbidden', 'no access', { retry: 'needs_human', data: { status: 404 } });
  // A token that was taken back in the middle of the work: the next one says why.
  const takenBack = new BanyanError('github_rejected', 'refused', { retry: 'needs_human', data: { status: 401 } });
  const lacking = new BanyanError('github_rejected', 'refused', { retry: 'needs_human', data: { status: 403 } });
  const key = new BanyanError('model_rejected', 'no key', { retry: 'needs_human', data: { status: 401 } });
  expect([refused, takenBack, lacking, key].map(putOffTask)).toEqual([WEEK, WEEK, null, null]);
  expect([refused, takenBack, lacking, key].map(putOff)).toEqual([WEEK, WEEK, null, null]);
});

it('a refusal that comes again is no loop', () => {
  const refused = new BanyanError('forbidden', 'no access', { retry: 'needs_human', data: { status: 404 } });
  const task = { role: 'developer', phase: 'develop', error: null };
  const first = judgeTask(refused, task, 3, new Date());
  expect(judgeTask(refused, { ...task, error: first.record }, 3, new Date()).repeated).toBeNull();
});
