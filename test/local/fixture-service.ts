/** A service that only listens: stands in for a heavy one where a test is about the supervisor. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const argument = process.argv[2];
const settings: unknown = argument === undefined ? {} : JSON.parse(readFileSync(argument, 'utf8'));
const configured = typeof settings === 'object' && settings !== null && 'port' in settings ? Number(settings.port) : undefined;
const port = configured ?? Number(process.env['PORT']);

const calls: { url: string | undefined; authorization: string | undefined }[] = [];
const server = createServer((request, response) => {
  if (request.url === '/calls') response.end(JSON.stringify(calls));
  else if (request.url === '/env') response.end(JSON.stringify(process.env));
  else {
    calls.push({ url: request.url, authorization: request.headers.authorization });
    response.end('ok');
  }
});
server.listen(port, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${port}`));
process.on('SIGTERM', () => process.exit(0));
