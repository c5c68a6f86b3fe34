import type { Forge } from '../core/forge.ts';
import type { Account, Issue, JsonObject } from '../core/model.ts';
import { nodeId } from '../core/ids.ts';
import { Fault, notFound } from '../core/fault.ts';
import { handleGraphql } from '../graphql/execute.ts';
import { dispatch } from '../http/api.ts';
import type { Router } from '../http/router.ts';
import { objectOf } from '../http/input.ts';

/** What a form asks the API to do. Pages change nothing by themselves: they call the same routes as everybody else. */
interface Request {
  method: string;
  path: string;
  body: JsonObject;
}

interface Submission {
  base: string;
  number: string;
  id: string;
  form: URLSearchParams;
}

type Translate = (submission: Submission) => Request;

const FORMS: [RegExp, Translate][] = [
  [/^\/issues$/, ({ base, form }) => ({ method: 'POST', path: `${base}/issues`, body: { title: field(form, 'title'), body: field(form, 'body') } })],
  [
    /^\/issues\/(\d+)\/comment$/,
    ({ base, number, form }) => ({ method: 'POST', path: `${base}/issues/${number}/comments`, body: { body: field(form, 'body') } }),
  ],
  [/^\/issues\/(\d+)\/state$/, ({ base, number, form }) => ({ method: 'PATCH', path: `${base}/issues/${number}`, body: { state: field(form, 'state') } })],
  [
    /^\/issues\/(\d+)\/label$/,
    ({ base, number, form }) => ({ method: 'POST', path: `${base}/issues/${number}/labels`, body: { labels: [field(form, 'name')] } }),
  ],
  [
    /^\/issues\/(\d+)\/unlabel$/,
    ({ base, number, form }) => ({ method: 'DELETE', path: `${base}/issues/${number}/labels/${encodeURIComponent(field(form, 'name'))}`, body: {} }),
  ],
  [
    /^\/issues\/(\d+)\/react$/,
    ({ base, number, form }) => ({ method: 'POST', path: `${base}/issues/${number}/reactions`, body: { content: field(form, 'content') } }),
  ],
  [
    /^\/issues\/(\d+)\/comments\/(\d+)\/react$/,
    ({ base, id, form }) => ({ method: 'POST', path: `${base}/issues/comments/${id}/reactions`, body: { content: field(form, 'content') } }),
  ],
  [
    /^\/pull\/(\d+)\/merge$/,
    ({ base, number, form }) => ({ method: 'PUT', path: `${base}/pulls/${number}/merge`, body: { merge_method: field(form, 'merge_method') } }),
  ],
  [/^\/pull\/(\d+)\/review$/, ({ base, number, form }) => ({ method: 'POST', path: `${base}/pulls/${number}/reviews`, body: reviewBody(form) })],
  [
    /^\/pull\/(\d+)\/comments\/(\d+)\/reply$/,
    ({ base, number, id, form }) => ({ method: 'POST', path: `${base}/pulls/${number}/comments/${id}/replies`, body: { body: field(form, 'body') } }),
  ],
];

/** Browsers send line ends as two characters. */
function field(form: URLSearchParams, name: string): string {
  return (form.get(name) ?? '').replace(/\r\n/g, '\n');
}

function reviewBody(form: URLSearchParams): JsonObject {
  const path = field(form, 'path').trim();
  const comments = path === '' ? [] : [{ path, line: Number(field(form, 'line')), body: field(form, 'line_body') }];
  return { body: field(form, 'body'), event: field(form, 'event'), comments };
}

export interface FormPost {
  owner: string;
  name: string;
  /** The path below the repository. */
  rest: string;
  form: URLSearchParams;
  viewer: Account;
}

/** Does what a form says and returns where to go then. */
export async function submitForm(forge: Forge, router: Router, post: FormPost): Promise<string> {
  const home = `/${post.owner}/${post.name}`;
  const base = `/repos${home}`;
  const call = async ({ method, path, body }: Request) =>
    dispatch(router, {
      forge,
      actor: { kind: 'user', account: post.viewer },
      method,
      path,
      prefix: '',
      query: new URLSearchParams(),
      body,
      accept: '',
    });
  for (const [pattern, translate] of FORMS) {
    const match = pattern.exec(post.rest);
    if (match === null) continue;
    const [, number = '', id = ''] = match;
    const reply = await call(translate({ base, number, id, form: post.form }));
    return number === '' ? `${home}/issues/${String(objectOf(reply.json).number)}` : `${home}/${post.rest.startsWith('/pull/') ? 'pull' : 'issues'}/${number}`;
  }
  const [, number = '', action = ''] = /^\/pull\/(\d+)\/(ready|draft|delete-branch)$/.exec(post.rest) ?? [];
  const issue = forge.store.repository(post.owner, post.name)?.issues.find((candidate) => candidate.number === Number(number));
  if (issue?.pull == null) throw notFound();
  if (action === 'delete-branch') await call({ method: 'DELETE', path: `${base}/git/refs/heads/${issue.pull.headRef}`, body: {} });
  else await changeDraft(forge, post, { issue, pullId: issue.pull.id, action });
  return `${home}/pull/${number}`;
}

async function changeDraft(forge: Forge, post: FormPost, { pullId, action }: { issue: Issue; pullId: number; action: string }): Promise<void> {
  const mutation = action === 'ready' ? 'markPullRequestReadyForReview' : 'convertPullRequestToDraft';
  const reply = await handleGraphql(
    forge,
    { kind: 'user', account: post.viewer },
    {
      query: `mutation ($id: ID!) { ${mutation}(input: { pullRequestId: $id }) { pullRequest { id } } }`,
      variables: { id: nodeId('PR', pullId) },
    },
  );
  const { errors } = objectOf(reply.json);
  if (Array.isArray(errors)) throw new Fault(403, String(objectOf(errors[0]).message));
}
