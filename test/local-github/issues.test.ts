import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { failure, SHOP, startStand } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

it('opens an issue with labels and sends opened, then labeled', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({
    ...SHOP,
    title: 'Rabatt für Größe Ω',
    body: 'a body',
    labels: ['bug', 'new one'],
    assignees: ['maintainer'],
  });
  expect(issue).toMatchObject({ title: 'Rabatt für Größe Ω', state: 'open', user: { login: 'maintainer' }, author_association: 'MEMBER' });
  expect(issue.labels.map((label) => (typeof label === 'string' ? label : label.name))).toEqual(['bug', 'new one']);
  expect(await stand.delivered()).toEqual(['label.created', 'issues.opened', 'issues.labeled', 'issues.labeled', 'issues.assigned']);
});

it('lets a reader open and comment, but drops what needs triage', async () => {
  const { data: issue } = await stand.visitor.rest.issues.create({ ...SHOP, title: 'from outside', labels: ['bug'] });
  expect(issue.labels).toEqual([]);
  expect(issue.author_association).toBe('NONE');
  await stand.visitor.rest.issues.createComment({ ...SHOP, issue_number: issue.number, body: 'hello' });
  expect(await stand.delivered()).toEqual(['issues.opened', 'issue_comment.created']);
  expect((await failure(stand.visitor.rest.issues.addLabels({ ...SHOP, issue_number: issue.number, labels: ['bug'] }))).status).toBe(403);
  expect((await failure(stand.anonymous.rest.issues.create({ ...SHOP, title: 'nobody' }))).status).toBe(401);
  expect(await stand.delivered()).toEqual([]);
});

it('edits, closes with a reason and reopens', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'one' });
  await stand.delivered();
  const target = { ...SHOP, issue_number: issue.number };
  await stand.maintainer.rest.issues.update({ ...target, title: 'two', labels: ['bug'] });
  const { data: closed } = await stand.maintainer.rest.issues.update({ ...target, state: 'closed', state_reason: 'not_planned' });
  expect(closed).toMatchObject({ state: 'closed', state_reason: 'not_planned', closed_by: { login: 'maintainer' } });
  await stand.maintainer.rest.issues.update({ ...target, state: 'open' });
  expect(await stand.delivered()).toEqual(['issues.edited', 'issues.labeled', 'issues.closed', 'issues.reopened']);
  expect((await stand.last('issues', 'edited')).payload.changes).toEqual({ title: { from: 'one' } });
  const { data: events } = await stand.maintainer.rest.issues.listEvents(target);
  expect(events.map((event) => event.event)).toEqual(['renamed', 'labeled', 'closed', 'reopened']);
});

it('gives every issue its own number when many come at once', async () => {
  const all = await Promise.all(Array.from({ length: 30 }, (_, index) => stand.maintainer.rest.issues.create({ ...SHOP, title: `many ${index}` })));
  const numbers = all.map(({ data }) => data.number);
  expect(new Set(numbers).size).toBe(30);
  const listed = await stand.maintainer.paginate(stand.maintainer.rest.issues.listForRepo, { ...SHOP, per_page: 7 });
  expect(numbers.every((number) => listed.some((issue) => issue.number === number))).toBe(true);
});

it('refuses what is missing or too long in GitHub words', async () => {
  const missing = await failure(stand.maintainer.request('POST /repos/{owner}/{repo}/issues', { ...SHOP, title: '' }));
  expect(missing).toMatchObject({
    status: 422,
    data: { message: 'Validation Failed', errors: [{ resource: 'Issue', field: 'title', code: 'missing_field' }] },
  });
  const body = 'x'.repeat(65_536);
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'long', body });
  expect(issue.body).toHaveLength(65_536);
  const long = await failure(stand.maintainer.rest.issues.createComment({ ...SHOP, issue_number: issue.number, body: `${body}x` }));
  expect(long.status).toBe(422);
  expect((await failure(stand.maintainer.rest.issues.get({ ...SHOP, issue_number: 99_999 }))).status).toBe(404);
});

it('filters lists', async () => {
  const { data: issue } = await stand.visitor.rest.issues.create({ ...SHOP, title: 'to be found' });
  await stand.maintainer.rest.issues.addLabels({ ...SHOP, issue_number: issue.number, labels: ['only here'] });
  const byLabel = await stand.maintainer.rest.issues.listForRepo({ ...SHOP, labels: 'Only Here' });
  expect(byLabel.data.map(({ number }) => number)).toEqual([issue.number]);
  const byCreator = await stand.maintainer.rest.issues.listForRepo({ ...SHOP, creator: 'visitor', state: 'all', per_page: 100 });
  expect(byCreator.data.every((found) => found.user?.login === 'visitor')).toBe(true);
  const found = await stand.maintainer.request('GET /search/issues', { q: 'repo:acme/shop is:issue label:"only here" found' });
  expect(found.data.total_count).toBe(1);
});

it('adds a reaction once', async () => {
  const { data: issue } = await stand.visitor.rest.issues.create({ ...SHOP, title: 'eyes' });
  const target = { ...SHOP, issue_number: issue.number };
  const { octokit } = await stand.installation();
  const first = await octokit.rest.reactions.createForIssue({ ...target, content: 'eyes' });
  const second = await octokit.rest.reactions.createForIssue({ ...target, content: 'eyes' });
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.data.id).toBe(first.data.id);
  expect((await octokit.rest.issues.get(target)).data.reactions).toMatchObject({ total_count: 1, eyes: 1 });
  expect(first.data.user?.login).toBe('banyan[bot]');
  await octokit.rest.reactions.deleteForIssue({ ...target, reaction_id: first.data.id });
  expect((await octokit.rest.reactions.listForIssue(target)).data).toEqual([]);
});

it('lets only the author or a writer change a comment', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'comments' });
  const { data: comment } = await stand.maintainer.rest.issues.createComment({ ...SHOP, issue_number: issue.number, body: 'mine' });
  expect((await failure(stand.visitor.rest.issues.updateComment({ ...SHOP, comment_id: comment.id, body: 'yours' }))).status).toBe(403);
  await stand.maintainer.rest.issues.updateComment({ ...SHOP, comment_id: comment.id, body: 'changed' });
  expect((await stand.last('issue_comment', 'edited')).payload.changes).toEqual({ body: { from: 'mine' } });
  await stand.maintainer.rest.issues.deleteComment({ ...SHOP, comment_id: comment.id });
  expect((await stand.maintainer.rest.issues.listComments({ ...SHOP, issue_number: issue.number })).data).toEqual([]);
});

it('hangs issues below issues', async () => {
  const [parent, child] = await Promise.all(
    ['parent', 'child'].map((title) => stand.maintainer.rest.issues.create({ ...SHOP, title }).then(({ data }) => data)),
  );
  if (parent === undefined || child === undefined) throw new Error('two issues were expected');
  await stand.delivered();
  await stand.maintainer.rest.issues.addSubIssue({ ...SHOP, issue_number: parent.number, sub_issue_id: child.id });
  expect(await stand.delivered()).toEqual(['sub_issues.parent_issue_added', 'sub_issues.sub_issue_added']);
  expect((await stand.maintainer.rest.issues.listSubIssues({ ...SHOP, issue_number: parent.number })).data.map(({ number }) => number)).toEqual([child.number]);
  expect((await stand.maintainer.rest.issues.getParent({ ...SHOP, issue_number: child.number })).data.number).toBe(parent.number);
  const loop = await failure(stand.maintainer.rest.issues.addSubIssue({ ...SHOP, issue_number: child.number, sub_issue_id: parent.id }));
  expect(loop.status).toBe(422);
  await stand.maintainer.rest.issues.removeSubIssue({ ...SHOP, issue_number: parent.number, sub_issue_id: child.id });
  expect((await failure(stand.maintainer.rest.issues.getParent({ ...SHOP, issue_number: child.number }))).status).toBe(404);
});

it('takes a label away from all issues when it is deleted', async () => {
  const { data: issue } = await stand.maintainer.rest.issues.create({ ...SHOP, title: 'labelled', labels: ['passing'] });
  expect((await failure(stand.maintainer.rest.issues.createLabel({ ...SHOP, name: 'PASSING' }))).data).toMatchObject({ errors: [{ code: 'already_exists' }] });
  await stand.maintainer.rest.issues.deleteLabel({ ...SHOP, name: 'passing' });
  expect((await stand.maintainer.rest.issues.get({ ...SHOP, issue_number: issue.number })).data.labels).toEqual([]);
});
