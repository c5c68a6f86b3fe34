import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';
import type { LocalWay } from '../../src/sandbox/local/detect.ts';

/** Started by a test and killed in the middle of its command: `orphan.ts <way> <folder> <seconds>`. */
const [way, folder = '', seconds = ''] = process.argv.slice(2);
const sandbox = await createLocalSandboxProvider({ way: way as LocalWay, folder }).create({ timeoutSeconds: 100 });
await sandbox.run({ command: `(setsid sleep ${seconds} &); sleep ${seconds}`, timeoutSeconds: 90, maxOutputBytes: 100 });
