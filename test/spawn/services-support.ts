import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseAnswers } from '../../src/spawn/answers.ts';
import type { Child } from '../../src/spawn/services/step.ts';
import { cleanEnvironment } from './support.ts';

export interface Request {
  method: string;
  path: string;
  authorization: string;
  body: Record<string, unknown>;
}

/** A status with an object as JSON; text is sent as it is, `half` is cut off in the middle. */
export type Answer = [status: number, body: object | string] | 'half';

export interface Service {
  url: string;
  requests: Request[];
  /** Whether there was a request that begins like this: `POST /v1/projects`. */
  asked(call: string): boolean;
}

export interface ServicePlace {
  folder: string;
  /** What the steps said while they ran. */
  said: string[];
  child(env: Record<string, string>, changes?: Partial<Child>): Child;
  /** A service in the place of the real one, at the wire. */
  serve(answer: (request: Request) => Answer | Promise<Answer>): Promise<Service>;
  git(...args: string[]): string;
  commit(name: string): void;
  write(path: string, text: string): void;
  close(): Promise<void>;
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer === 'half') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('[{"na');
    setImmediate(() => response.destroy());
    return;
  }
  const [status, body] = answer;
  if (typeof body === 'string') response.writeHead(status, { 'content-type': 'text/html' }).end(body);
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function servicePlace(): ServicePlace {
  const folder = mkdtempSync(join(tmpdir(), 'banyan-services-'));
  const servers: Server[] = [];
  const said: string[] = [];
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.invalid', ...args], {
      cwd: folder,
      env: cleanEnvironment(folder),
      encoding: 'utf8',
    }).trim();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  return {
    folder,
    said,
    git,
    write,
    commit(name) {
      write(name, name);
      git('add', '--', name);
      git('commit', '-q', '-m', name);
    },
    child: (env, changes = {}) => ({
      folder,
      answers: parseAnswers({ name: 'my-shop', domain: 'e-commerce', agents: ['qa'], owner: 'acme' }, 'answers'),
      url: undefined,
      env: { ...cleanEnvironment(folder), ...env },
      signal: new AbortController().signal,
      say: (line) => said.push(line),
      ...changes,
    }),
    async serve(answer) {
      const requests: Request[] = [];
      const server = createServer((incoming, response) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        incoming.on('end', () => {
          const { method = '', url = '', headers } = incoming;
          const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
          const request = { method, path: url, authorization: headers.authorization ?? '', body };
          requests.push(request);
          Promise.resolve(answer(request)).then(
            (given) => send(response, given),
            (error: unknown) => send(response, [599, { message: String(error) }]),
          );
        });
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const asked = (call: string) => requests.some(({ method, path }) => `${method} ${path}`.startsWith(call));
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, asked };
    },
    async close() {
      rmSync(folder, { recursive: true, force: true });
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
