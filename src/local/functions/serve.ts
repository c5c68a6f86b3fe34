import { fileURLToPath } from 'node:url';
import { onStopSignal } from '../launch.ts';
import { createFunctionsServer } from './server.ts';

/** The project's functions on a port, until a signal to stop. Prints `listening <url>`. */
export async function serve(port: number): Promise<void> {
  const server = await createFunctionsServer({ root: fileURLToPath(new URL('../../../', import.meta.url)), port });
  onStopSignal(() => server.close());
  console.log(`listening ${server.url}`);
}
