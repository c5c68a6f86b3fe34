import { expect, it } from 'vitest';
import { createRedactor } from '../kernel/redact.ts';
import { createLog } from './log.ts';
import { createTracing } from './tracing.ts';

const OWN = 'the "own" secret of a deployment';

it('a line is JSON, names the delivery that it belongs to, and holds no secret in whatever field', async () => {
  const lines: string[] = [];
  const tracing = createTracing();
  const log = createLog('info', (line) => void lines.push(line), { redact: createRedactor([OWN]), fields: () => tracing.fields() });
  log.info({ task: 't1' }, 'outside');
  await tracing.span('task', { delivery: 'guid-1' }, () => {
    log.warn({ nested: { list: [OWN] }, err: new Error(`failed with ${OWN}`) }, `said ${OWN}`);
    log.debug({}, 'not at this level');
    return Promise.resolve();
  });
  const [outside, inside, ...more] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(more).toEqual([]);
  expect(outside).toMatchObject({ level: 30, task: 't1', msg: 'outside' });
  expect(outside).not.toHaveProperty('delivery');
  expect(inside).toMatchObject({ level: 40, delivery: 'guid-1', msg: 'said [redacted:own_secret]', nested: { list: ['[redacted:own_secret]'] } });
  expect(lines.join('')).not.toMatch(/own\\*" secret/);
});
