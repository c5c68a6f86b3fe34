import type { LocalWay } from '../../src/sandbox/local/detect.ts';
import { createLocalSandboxProvider } from '../../src/sandbox/local/provider.ts';

/** Why a way does not work on this machine; null where it does. */
export async function whyNot(way: LocalWay): Promise<string | null> {
  try {
    const sandbox = await createLocalSandboxProvider({ way }).create({ timeoutSeconds: 10 });
    await sandbox.destroy();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
