import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Forge } from '../core/forge.ts';
import type { Router } from '../http/router.ts';

export interface PageExchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
}

export async function servePage(_forge: Forge, _router: Router, { response }: PageExchange): Promise<void> {
  response.writeHead(404, { 'content-type': 'text/html; charset=utf-8' });
  response.end('<!doctype html><title>Not found</title><h1>404</h1>');
}
