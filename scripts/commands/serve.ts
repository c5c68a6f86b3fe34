import { readEnvironment } from '../../src/config/environment.ts';
import { serve as serveFunctions } from '../../src/local/functions/serve.ts';
import { loadInstance } from '../../src/local/instance.ts';
import { projectRoot } from '../../src/local/project.ts';

/** The functions alone, with the environment that production has, on `PORT`, else `BANYAN_PORT`, else 3000. */
export async function serve(env: Record<string, string | undefined>): Promise<void> {
  readEnvironment(env);
  await loadInstance(projectRoot());
  await serveFunctions(Number(env['PORT'] || env['BANYAN_PORT'] || 3000));
}
