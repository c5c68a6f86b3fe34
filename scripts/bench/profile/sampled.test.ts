import { expect, it } from 'vitest';
import { partOf, partsOf, startProfile } from './sampled.ts';

it.each([
  ['(idle)', '', 'waiting'],
  ['(garbage collector)', '', 'garbage collection'],
  ['parse', '', 'Node: native code'],
  ['parserOnBody', 'node:_http_common', 'Node: HTTP, sockets, streams'],
  ['Request', 'node:internal/deps/undici/undici', 'Node: Request, Response, web streams'],
  ['update', 'node:internal/crypto/hash', 'Node: HMAC'],
  ['resolve', 'node:internal/modules/esm/loader', 'Node: other'],
  ['query', 'file:///x/node_modules/pg/lib/client.js', 'pg'],
  ['invoke', 'file:///x/node_modules/langchain/node_modules/@langchain/core/dist/a.js', 'LangChain and LangGraph'],
  ['pick', 'file:///x/node_modules/semver/index.js', 'other packages'],
  ['append', 'file:///x/src/store/call.ts', 'Banyan'],
  ['plan', 'file:///x/scripts/bench/steps/plain.ts', 'the benchmark'],
])('%s of %s belongs to %s', (functionName, url, part) => {
  expect(partOf({ functionName, url })).toBe(part);
});

it('counts each sample for whoever was on top', () => {
  const frame = (functionName: string, url: string) => ({ functionName, url, scriptId: '1', lineNumber: 0, columnNumber: 0 });
  const nodes = [
    { id: 1, callFrame: frame('(idle)', '') },
    { id: 2, callFrame: frame('read', 'node:net') },
  ];
  expect(partsOf({ nodes, startTime: 0, endTime: 9_000, samples: [1, 2, 2], timeDeltas: [1_000, 3_000, 5_000] })).toEqual({
    waiting: 1,
    'Node: HTTP, sockets, streams': 8,
  });
});

it('samples the process that asks', async () => {
  const stop = await startProfile();
  let sum = 0;
  for (const begun = performance.now(); performance.now() - begun < 30;) sum += Math.sqrt(sum + 1);
  const parts = await stop();
  expect(Object.values(parts).reduce((total, ms) => total + ms, 0)).toBeGreaterThan(0);
  expect(sum).toBeGreaterThan(0);
});
