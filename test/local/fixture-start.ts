/** `npm start` over services that only listen. */
import { fileURLToPath } from 'node:url';
import { reportAndFail } from '../../scripts/commands/report.ts';
import { onStopSignal } from '../../src/local/launch.ts';
import { startStack } from '../../src/local/stack.ts';
import { projectRoot } from '../../src/local/project.ts';
import { readStackSettings } from '../../src/local/stack/settings.ts';

const service = fileURLToPath(new URL('./fixture-service.ts', import.meta.url));
const broken = fileURLToPath(new URL('./fixture-broken.ts', import.meta.url));

async function main(): Promise<void> {
  const stack = await startStack({
    settings: readStackSettings(process.env),
    env: process.env,
    project: projectRoot(import.meta.dirname),
    entries: { github: service, supabase: process.env['FIXTURE_BROKEN'] ? broken : service, app: service },
    print: (line) => console.log(line),
    note: (line) => console.error(line),
  });
  onStopSignal(() => stack.stop());
  console.log('banyan ready');
}

main().catch(reportAndFail);
