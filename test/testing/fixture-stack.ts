/** A test that is killed: it starts the stack, says where, and never ends by itself. */
import { startStack } from '../../src/testing/stack.ts';

const { dataDir, functions } = await startStack();
console.log(JSON.stringify({ dataDir, url: functions.url }));
setInterval(() => undefined, 1000);
