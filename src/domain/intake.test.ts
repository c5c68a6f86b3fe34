import { expect, it } from 'vitest';
import { issueOfBranch, readEnvelope } from './intake.ts';

const person = { login: 'a', type: 'User' };

it('reads what orders a delivery', () => {
  const envelope = readEnvelope('pull_request', {
    action: 'closed',
    installation: { id: 5 },
    repository: { full_name: 'Acme/Shop' },
    pull_request: { number: 9, head: { ref: 'feature/7-codes' } },
    sender: person,
  });
  expect(envelope).toEqual({ action: 'closed', installationId: 5, repository: 'acme/shop', number: 9, issueHint: 7, ignored: null });
});

it('ignores what nobody handles, and what bots do on issues', () => {
  expect(readEnvelope('push', {}).ignored).toBe('event');
  expect(readEnvelope('issues', { action: 'pinned', sender: person }).ignored).toBe('action');
  expect(readEnvelope('issue_comment', { action: 'created', sender: { type: 'Bot' } }).ignored).toBe('bot');
  expect(readEnvelope('pull_request', { action: 'closed', sender: { type: 'Bot' } }).ignored).toBeNull();
});

it('takes from the workflow of an update that it asks, and that it is over', () => {
  const asked = {
    action: 'labeled',
    sender: { login: 'github-actions[bot]', type: 'Bot' },
    issue: { number: 7, body: '<!-- banyan-update: conflicts v1.2.3 -->' },
  };
  expect(readEnvelope('issues', asked)).toMatchObject({ ignored: null, number: 7 });
  expect(readEnvelope('issues', { ...asked, action: 'closed' }).ignored).toBeNull();
  for (const action of ['opened', 'reopened', 'edited', 'unlabeled']) expect(readEnvelope('issues', { ...asked, action }).ignored).toBe('bot');
  expect(readEnvelope('issue_comment', { ...asked, action: 'created' }).ignored).toBe('bot');
  expect(readEnvelope('issues', { ...asked, sender: { login: 'stranger[bot]', type: 'Bot' } }).ignored).toBe('bot');
  expect(readEnvelope('issues', { ...asked, issue: { number: 7, body: 'Please.' } }).ignored).toBe('bot');
});

it('keeps what it cannot understand', () => {
  expect(readEnvelope('issues', { action: 7, installation: 'x', issue: [] })).toMatchObject({ action: null, number: null, ignored: null });
});

it('knows its own branches', () => {
  expect(issueOfBranch('bugfix/12-x')).toBe(12);
  expect(issueOfBranch('feature/x-12')).toBeNull();
});
