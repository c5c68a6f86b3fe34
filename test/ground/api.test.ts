import { readdirSync } from 'node:fs';
import type { VercelApiHandler } from '@vercel/node';
import { describe, expect, it } from 'vitest';
import { POST } from '../../api/webhook.ts';

const folder = new URL('../../api/', import.meta.url);
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

// The platform's older `(req, res)` handlers get a parsed body, which no signature can be verified over. The types keep the two apart:
// @ts-expect-error a Web handler is none of those
const older: VercelApiHandler = POST;

describe.each(readdirSync(folder).filter((file) => file.endsWith('.ts')))('api/%s', (file) => {
  it('exports handlers of one Request each, and nothing else', async () => {
    const exported = (await import(new URL(file, folder).href)) as Record<string, (request: Request) => Promise<Response>>;
    expect(Object.keys(exported).every((name) => METHODS.includes(name))).toBe(true);
    expect(Object.values(exported).map((handler) => handler.length)).toEqual([1]);
  });
});

it('keeps to the number of functions that every plan allows', () => {
  expect(readdirSync(folder).length).toBeLessThanOrEqual(12);
  expect(typeof older).toBe('function');
});
