import { afterAll, beforeAll, expect, it } from 'vitest';
import { startStand } from '../local-github/harness.ts';
import type { Stand } from '../local-github/harness.ts';
import { clientOf } from './support.ts';
import type { Client } from './support.ts';

let stand: Stand;
let client: Client;
let number = 0;
const SHOP = { owner: 'acme', repo: 'shop' };
const LABEL = { name: 'in-qa', color: '5319e7', description: 'Being tested' };

beforeAll(async () => {
  stand = await startStand();
  client = await clientOf(stand, 'shop');
  number = (await stand.maintainer.rest.issues.create({ ...SHOP, title: 'x' })).data.number;
});
afterAll(() => stand.stop());

it('knows what people may do, and that strangers may nothing', async () => {
  const { issues } = client.repository;
  expect(await issues.permission('maintainer')).toBe('admin');
  expect(await issues.permission('visitor')).toBe('read');
  expect(await issues.permission('nobody-at-all')).toBe('none');
});

it('finds its own comment by its marker, the newest, and nobody else’s', async () => {
  const { issues } = client.repository;
  const hidden = '<!-- banyan:status:1 -->';
  await stand.visitor.rest.issues.createComment({ ...SHOP, issue_number: number, body: `forged ${hidden}` });
  expect(await issues.findComment(number, 'banyan[bot]', hidden)).toBeNull();
  await issues.comment(number, `old ${hidden}`);
  const made = await issues.comment(number, `new ${hidden}`);
  expect(await issues.findComment(number, 'banyan[bot]', hidden)).toMatchObject({ id: made.id, body: `new ${hidden}` });
});

it('finds a comment on any page', async () => {
  const { issues } = client.repository;
  const long = (await stand.maintainer.rest.issues.create({ ...SHOP, title: 'long' })).data.number;
  const first = await issues.comment(long, 'mine <!-- banyan:x:1 -->');
  for (let index = 0; index < 101; index += 1) await stand.visitor.rest.issues.createComment({ ...SHOP, issue_number: long, body: `noise ${index}` });
  expect((await issues.findComment(long, 'banyan[bot]', 'banyan:x:1'))?.id).toBe(first.id);
});

it('makes a label that is missing, and bears one that somebody made meanwhile', async () => {
  const { issues } = client.repository;
  await Promise.all([issues.addLabel(number, LABEL), issues.addLabel(number, LABEL)]);
  expect((await issues.get(number)).labels).toEqual(['in-qa']);
  const { data } = await stand.maintainer.rest.issues.getLabel({ ...SHOP, name: 'in-qa' });
  expect(data).toMatchObject({ color: '5319e7', description: 'Being tested' });
});

it('takes off what is not there without a word', async () => {
  await client.repository.issues.removeLabel(number, 'never-put-on');
  await client.repository.issues.react({ number, commentId: 999_999 }, 'eyes');
  await client.repository.issues.close(number);
  await client.repository.issues.close(number);
  expect((await client.repository.issues.get(number)).state).toBe('closed');
});

it('says what is gone as not found, and what is invalid as refused for good', async () => {
  await expect(client.repository.issues.editComment(999_999, 'x')).rejects.toMatchObject({ code: 'not_found', retry: 'permanent' });
  await expect(client.repository.checks.start({ name: 'x', headSha: 'no-sha', externalId: 'x', title: 'x' })).rejects.toMatchObject({ retry: 'permanent' });
});
