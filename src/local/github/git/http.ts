import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface GitCall {
  /** Folder that holds the bare repositories. */
  root: string;
  /** The repository's folder below it, chosen by the server, never by the request. */
  folder: string;
  /** What follows the repository in the URL: `/info/refs`, `/git-upload-pack`, `/git-receive-pack`. */
  rest: string;
  query: string;
  /** Login of who was authenticated; undefined for an anonymous reader. */
  user: string | undefined;
  /** Runs when git is done and before the answer ends, so that a client finds everything settled. */
  finish(): Promise<void>;
}

/** Runs `git http-backend` as the CGI program it is. Resolves when the answer has been sent. */
export function serveGit(request: IncomingMessage, response: ServerResponse, call: GitCall): Promise<void> {
  const header = (name: string) => request.headers[name]?.toString() ?? '';
  const variables: Record<string, string> = {
    GIT_PROJECT_ROOT: call.root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: `/${call.folder}${call.rest}`,
    QUERY_STRING: call.query,
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_USER: call.user ?? '',
  };
  // `env` adds the CGI variables to the inherited environment; an empty one would count as set.
  const assignments = Object.entries(variables).filter(([, value]) => value !== '');
  const child = spawn('env', [...assignments.map(([name, value]) => `${name}=${value}`), 'git', 'http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => request.resume());
  response.on('close', () => child.kill());
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    let streaming = false;
    child.on('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      if (streaming) {
        if (!response.write(chunk)) pauseUntilDrained(child.stdout, response);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      streaming = true;
      writeHead(response, head.subarray(0, end).toString());
      response.write(head.subarray(end + 4));
    });
    child.on('close', () => {
      if (!streaming && !response.headersSent) response.writeHead(500);
      call
        .finish()
        .then(() => response.end(), reject)
        .finally(resolve);
    });
  });
}

function pauseUntilDrained(source: NodeJS.ReadableStream, response: ServerResponse): void {
  source.pause();
  response.once('drain', () => source.resume());
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number(value.split(' ')[0]);
    else if (colon > 0) response.setHeader(name, value);
  }
  response.writeHead(status);
}
