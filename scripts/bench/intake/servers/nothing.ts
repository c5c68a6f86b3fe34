/** Answers without looking: what the load itself can do. */
import { serve } from './serve.ts';

serve((request, response) => {
  request.on('end', () => response.writeHead(202).end('ok')).resume();
});
