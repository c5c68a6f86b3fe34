/** The webhook function as it is deployed, behind the server that `npm start` puts before it. */
import { POST } from '../../../../api/webhook.ts';
import { listen } from '../../../../src/local/http.ts';
import { announce } from './serve.ts';

const MAX_BODY_BYTES = 4.5 * 1024 * 1024;

const server = await listen({ port: 0, handle: POST, maxBodyBytes: MAX_BODY_BYTES, tooLarge: () => new Response(null, { status: 413 }) });
announce(server.port);
