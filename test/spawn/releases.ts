import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault } from './faults.ts';

interface Asset {
  id: number;
  name: string;
  size: number;
  digest: string | null;
}

interface Release {
  tag_name: string;
  draft: boolean;
  prerelease: boolean;
  assets: Asset[];
}

export interface Request {
  url: string;
  authorization: string | undefined;
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function send(response: ServerResponse, { status, headers, body }: Fault): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** The releases of a mother: what GitHub answers, with the files on another host, as GitHub has them. */
export class Releases {
  readonly mother: string;
  readonly list: Release[] = [];
  readonly files = new Map<number, Buffer>();
  /** What GitHub was asked, and what the host of the files was. */
  readonly asked: Request[] = [];
  readonly fetched: Request[] = [];
  /** In place of every answer of GitHub. */
  fault: Fault | null = null;
  api = '';
  private store = '';
  private servers: Server[] = [];

  constructor(mother: string) {
    this.mother = mother;
  }

  static async start(mother: string): Promise<Releases> {
    const releases = new Releases(mother);
    const hub = await listen(({ url = '', headers }, response) => {
      releases.asked.push({ url, authorization: headers.authorization });
      send(response, releases.fault ?? releases.answer(url) ?? { status: 404, body: '{"message":"Not Found"}' });
    });
    const store = await listen(({ url = '', headers }, response) => {
      releases.fetched.push({ url, authorization: headers.authorization });
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(releases.files.get(Number(url.slice(1))));
    });
    releases.servers = [hub.server, store.server];
    releases.api = hub.url;
    releases.store = store.url;
    return releases;
  }

  publish(version: string, tarball: Buffer, { name = `banyan-${version}.tgz`, ...more }: Partial<Release & Asset> = {}): void {
    const id = this.files.size + 1;
    this.files.set(id, tarball);
    const asset = { id, name, size: more.size ?? tarball.length, digest: more.digest ?? null };
    this.list.unshift({ tag_name: more.tag_name ?? `v${version}`, draft: more.draft ?? false, prerelease: more.prerelease ?? false, assets: [asset] });
  }

  /** null for what is not about releases. */
  answer(url: string): Fault | null {
    const path = `/repos/${this.mother}/releases`;
    const file = url.startsWith(`${path}/assets/`) ? Number(url.slice(`${path}/assets/`.length)) : null;
    if (file !== null) return { status: 302, headers: { location: `${this.store}/${file}` }, body: '' };
    const page = new RegExp(`^${path}\\?per_page=100&page=(\\d+)$`).exec(url)?.[1];
    return page === undefined ? null : { status: 200, body: JSON.stringify(this.list.slice((Number(page) - 1) * 100, Number(page) * 100)) };
  }

  close(): void {
    for (const server of this.servers) server.close();
  }
}

export interface Registry {
  url: string;
  asked: string[];
  close(): void;
}

/** A registry in which a stranger has taken the name `banyan`. */
export async function startRegistry(version: string, tarball: Buffer): Promise<Registry> {
  const asked: string[] = [];
  const { server, url } = await listen(({ url: path = '' }, response) => {
    asked.push(path);
    if (path.endsWith('.tgz')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(tarball);
      return;
    }
    const entry = { name: 'banyan', version, dist: { tarball: `${url}/banyan/-/banyan-${version}.tgz` } };
    send(response, { status: 200, body: JSON.stringify({ name: 'banyan', 'dist-tags': { latest: version, next: version }, versions: { [version]: entry } }) });
  });
  return { url, asked, close: () => server.close() };
}
