import { onStopSignal } from '../launch.ts';
import { projectRoot } from '../project.ts';
import { createFunctionsServer } from './server.ts';

/** The functions of the project that this process stands in on a port, until a signal to stop. Prints `listening <url>`. */
export async function serve(port: number): Promise<void> {
  const server = await createFunctionsServer({ root: projectRoot(), port });
  onStopSignal(() => server.close());
  console.log(`listening ${server.url}`);
}
