/** Probot as its documentation shows it for functions, with a handler that stores the row. */
import { createNodeMiddleware, createProbot } from 'probot';
import { createInsert, SECRET } from './insert.ts';
import { serve } from './serve.ts';

const insert = createInsert();
const probot = createProbot({ overrides: { appId: 1, privateKey: process.env['BENCH_PRIVATE_KEY'] ?? '', secret: SECRET, logLevel: 'warn' } });
const middleware = await createNodeMiddleware((app) => app.onAny(({ id, name, payload }) => insert(id, name, payload)), {
  probot,
  webhooksPath: '/api/github/webhook',
});
serve((request, response) => void middleware(request, response));
