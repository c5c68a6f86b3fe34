import { describe, expect, it } from 'vitest';
import { readDelivery } from './triggers.ts';

const COMMON = {
  sender: { login: 'maintainer', type: 'User' },
  installation: { id: 5 },
  repository: { id: 9, name: 'shop', default_branch: 'main', owner: { id: 1, login: 'acme' } },
};
const ISSUE = { number: 7, title: 'Greet', body: null, html_url: 'http://x', user: null, labels: [{ name: 'bug' }] };

function read(event: string, payload: object) {
  return readDelivery(event, JSON.stringify({ ...COMMON, ...payload })).trigger;
}

describe('a delivery', () => {
  const issue = { number: 7, title: 'Greet', body: '', author: 'ghost', url: 'http://x', labels: ['bug'] };
  const actor = { login: 'maintainer', bot: false };

  it.each([
    ['opened', {}, { type: 'issue_opened' }],
    ['reopened', {}, { type: 'issue_reopened' }],
    ['edited', {}, { type: 'issue_edited' }],
    ['closed', {}, { type: 'issue_closed' }],
    ['labeled', { label: { name: 'done' } }, { type: 'label_added', label: 'done' }],
    ['unlabeled', { label: { name: 'done' } }, { type: 'label_removed', label: 'done' }],
  ])('of an issue that was %s', (action, extra, expected) => {
    expect(read('issues', { action, issue: ISSUE, ...extra })).toEqual({ ...expected, actor, issue });
  });

  it('of a comment, on an issue or on a pull request', () => {
    const comment = { id: 3, body: 'yes', html_url: 'http://c' };
    expect(read('issue_comment', { action: 'created', issue: ISSUE, comment })).toEqual({
      type: 'comment',
      actor,
      issue,
      comment: { id: 3, body: 'yes', url: 'http://c' },
      onPullRequest: false,
    });
    expect(read('issue_comment', { action: 'edited', issue: ISSUE, comment })).toMatchObject({ type: 'comment_edited', comment: { id: 3, body: 'yes' } });
    expect(read('issue_comment', { action: 'deleted', issue: ISSUE, comment })).toMatchObject({ type: 'comment_deleted', comment: { id: 3 } });
    expect(read('issue_comment', { action: 'created', issue: { ...ISSUE, pull_request: { url: 'x' } }, comment })).toMatchObject({ onPullRequest: true });
  });

  it('of a pull request that was closed, merged or not', () => {
    const pull = { number: 8, html_url: 'http://p', head: { ref: 'feature/7-greet' } };
    expect(read('pull_request', { action: 'closed', pull_request: { ...pull, merged: true } })).toMatchObject({
      type: 'pull_request_closed',
      number: 8,
      merged: true,
    });
    expect(read('pull_request', { action: 'closed', pull_request: pull })).toMatchObject({ merged: false });
  });

  it('of a bot says so', () => {
    expect(read('issues', { action: 'opened', issue: ISSUE, sender: { login: 'x[bot]', type: 'Bot' } }).actor).toEqual({ login: 'x[bot]', bot: true });
  });
});

describe('what is not understood', () => {
  it.each([
    ['issues', { action: 'opened', issue: { ...ISSUE, number: 'seven' } }, 'issue.number'],
    ['issues', { action: 'opened', issue: ISSUE, installation: null }, 'installation'],
    ['issue_comment', { action: 'created', issue: ISSUE }, 'comment'],
  ])('is poisoned and names its fields: %s %#', (event, payload, field) => {
    expect(() => read(event, payload)).toThrow(expect.objectContaining({ code: 'payload_invalid', retry: 'poisoned', data: { fields: [field] } }) as Error);
  });

  it('is poisoned where nobody handles it', () => {
    expect(() => read('push', {})).toThrow(expect.objectContaining({ retry: 'poisoned' }) as Error);
    expect(() => read('issues', { action: 'labeled', issue: ISSUE })).toThrow(expect.objectContaining({ retry: 'poisoned' }) as Error);
  });
});
