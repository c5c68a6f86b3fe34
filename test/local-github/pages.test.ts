import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stand } from './harness.ts';
import { pushFile, SHOP, startStand } from './harness.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

const AS_MAINTAINER = 'local_github_user=maintainer';

async function page(path: string, cookie = ''): Promise<{ status: number; text: string; policy: string }> {
  const response = await fetch(stand.url + path, { headers: { cookie } });
  return { status: response.status, text: await response.text(), policy: response.headers.get('content-security-policy') ?? '' };
}

async function post(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = { cookie: AS_MAINTAINER },
): Promise<{ status: number; location: string; text: string }> {
  const response = await fetch(stand.url + path, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields), headers });
  return { status: response.status, location: response.headers.get('location') ?? '', text: await response.text() };
}

describe('a person in a browser', () => {
  it('signs in, opens an issue, comments, labels, reacts and closes', async () => {
    const session = await fetch(`${stand.url}/_session`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ user: 'maintainer', back: '/acme/shop/issues' }),
    });
    expect(session.headers.get('set-cookie')).toBe(`${AS_MAINTAINER}; Path=/; HttpOnly; SameSite=Strict`);
    expect(session.headers.get('location')).toBe('/acme/shop/issues');
    const opened = await post('/acme/shop/issues', { title: 'From a page', body: 'one\r\ntwo' });
    expect(opened).toMatchObject({ status: 303, location: '/acme/shop/issues/1' });
    await post(`${opened.location}/comment`, { body: 'a **bold** comment' });
    await post(`${opened.location}/label`, { name: 'bug' });
    await post(`${opened.location}/react`, { content: 'eyes' });
    await post(`${opened.location}/state`, { state: 'closed' });
    expect(await stand.delivered()).toEqual(['issues.opened', 'issue_comment.created', 'issues.labeled', 'issues.closed']);
    expect((await stand.maintainer.rest.issues.get({ ...SHOP, issue_number: 1 })).data).toMatchObject({
      body: 'one\ntwo',
      state: 'closed',
      reactions: { eyes: 1 },
    });
    const { text } = await page(opened.location, AS_MAINTAINER);
    expect(text).toContain('<strong>bold</strong>');
    expect(text).toContain('added the label <strong>bug</strong>');
    expect((await page('/acme/shop/issues?state=closed')).text).toContain('From a page');
  });

  it('reads the diff, reviews a line, takes it out of draft and merges', async () => {
    await pushFile(stand.maintainer, { ...SHOP, branch: 'feature/7-page', path: 'src/page.js', content: 'export const page = 1;\n' });
    const { octokit } = await stand.installation();
    const { data: pull } = await octokit.rest.pulls.create({ ...SHOP, title: 'By the bot', head: 'feature/7-page', base: 'main', draft: true });
    await octokit.rest.checks.create({
      ...SHOP,
      name: 'banyan/qa',
      head_sha: pull.head.sha,
      conclusion: 'success',
      output: { title: 'Proof', summary: '| a | b |\n|---|---|\n| 1 | 2 |' },
    });
    const path = `/acme/shop/pull/${pull.number}`;
    expect((await page(`${path}/files`)).text).toContain('+export const page = 1;');
    expect((await page(`${path}/checks`)).text).toContain('<td>2</td>');
    expect((await page(path, AS_MAINTAINER)).text).toContain('Ready for review');
    expect((await post(`${path}/review`, { event: 'APPROVE', body: 'good', path: 'src/page.js', line: '1', line_body: 'nice line' })).status).toBe(303);
    expect((await page(`${path}/files`)).text).toContain('nice line');
    expect((await post(`${path}/ready`, {})).status).toBe(303);
    expect((await post(`${path}/merge`, { merge_method: 'squash' })).status).toBe(303);
    expect((await stand.maintainer.rest.pulls.get({ ...SHOP, pull_number: pull.number })).data.merged).toBe(true);
    expect((await post(`${path}/delete-branch`, {})).status).toBe(303);
    expect((await page(`/acme/shop/blob/main/src/page.js`)).text).toContain('export const page = 1;');
    expect(await fetch(`${stand.url}${path}.diff`).then((response) => response.text())).toContain('diff --git');
  });

  it('sees what went wrong', async () => {
    expect((await post('/acme/shop/issues', { title: '' })).status).toBe(422);
    expect((await post('/acme/shop/issues/1/label', { name: 'bug' }, { cookie: 'local_github_user=visitor' })).status).toBe(403);
    expect((await post('/acme/shop/issues', { title: 'nobody' }, {})).status).toBe(401);
    for (const path of ['/acme/nowhere', '/acme/shop/issues/999', '/acme/shop/blob/main/none', '/nobody', '/acme/shop/wiki'])
      expect((await page(path)).status).toBe(404);
  });
});

describe('pages', () => {
  it('show the words of strangers without letting them act', async () => {
    const body =
      '<script>alert(1)</script><img src=x onerror=alert(2)> <a href="javascript:alert(4)">y</a> <!-- banyan:status:1 --> <iframe src="https://example.com"></iframe>\n\n[x](javascript:alert(3))\n\n- [x] done\n\n<details><summary>more</summary>inside</details>';
    const { data: issue } = await stand.visitor.rest.issues.create({ ...SHOP, title: '<b>bold</b> & "title"', body });
    const { text, policy } = await page(`/acme/shop/issues/${issue.number}`);
    expect(text).not.toMatch(/<script|onerror|=.javascript:|<iframe|banyan:status/);
    expect(text).toContain('&lt;b&gt;bold&lt;/b&gt; &amp; &quot;title&quot;');
    expect(text).toContain('<summary>more</summary>');
    expect(text).toContain('type="checkbox"');
    expect(policy).toContain("default-src 'none'");
  });

  it('take no form from another site', async () => {
    const foreign = await post('/acme/shop/issues', { title: 'forged' }, { cookie: AS_MAINTAINER, origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    const cross = await post('/acme/shop/issues', { title: 'forged' }, { cookie: AS_MAINTAINER, 'sec-fetch-site': 'cross-site' });
    expect(cross.status).toBe(403);
    const leaving = await post('/_session', { user: 'maintainer', back: '//evil.example' });
    expect(leaving.location).toBe('/');
  });

  it('serve the repository home, its commits and raw files', async () => {
    expect((await page('/')).text).toContain('acme/shop');
    expect((await page('/acme/shop')).text).toContain('A small shopping cart without dependencies.');
    expect((await page('/acme/shop/tree/main/src')).text).toContain('price.js');
    expect((await page('/acme/shop/commits/main')).text).toContain('feat: a small shopping cart');
    expect((await page('/acme/shop/raw/main/src/price.js')).text).toContain('Math.trunc');
  });
});
