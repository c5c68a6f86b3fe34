/** The `banyan` command. One file per command in `scripts/commands`. */
import { parseArgs } from 'node:util';
import { demo } from './commands/demo.ts';
import { reportAndFail } from './commands/report.ts';
import { status } from './commands/status.ts';

interface Command {
  summary: string;
  run(env: Record<string, string | undefined>): Promise<void>;
}

const COMMANDS: Record<string, Command> = {
  demo: { summary: 'Play the maintainer on the local GitHub: from a vague issue to a merged pull request (needs `npm start` in another terminal)', run: demo },
  status: { summary: 'Show whether the local Banyan runs, and its queues', run: status },
};

function help(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return ['Usage: npx banyan <command>', '', ...lines, '', 'BANYAN_DATA_DIR names the data folder of the stack (default: .banyan).'].join('\n');
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
  const [name] = positionals;
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command && !values.help) {
    await command.run(process.env);
    return;
  }
  if (name === undefined || values.help) console.log(help());
  else {
    console.error(`There is no command "${name}".\n\n${help()}`);
    process.exitCode = 2;
  }
}

main().catch(reportAndFail);
