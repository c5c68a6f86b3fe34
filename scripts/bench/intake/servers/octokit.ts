/** `@octokit/webhooks` as its documentation shows it, with a handler that stores the row. */
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks';
import { createInsert, SECRET } from './insert.ts';
import { serve } from './serve.ts';

const insert = createInsert();
const webhooks = new Webhooks({ secret: SECRET });
webhooks.onAny(({ id, name, payload }) => insert(id, name, payload));
const middleware = createNodeMiddleware(webhooks, { path: '/api/github/webhook' });
serve((request, response) => void middleware(request, response));
