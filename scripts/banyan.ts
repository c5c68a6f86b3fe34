/** The `banyan` command. One file per command in `scripts/commands`. */
import { constants } from 'node:os';
import { VERSION } from '../src/kernel/version.generated.ts';
import { agent, AGENT_USAGE } from './commands/agent.ts';
import { demo } from './commands/demo.ts';
import { fleet, FLEET_USAGE } from './commands/fleet.ts';
import { migrate } from './commands/migrate.ts';
import { nearest } from './commands/nearest.ts';
import { PROPOSE_USAGE, proposeBack } from './commands/propose.ts';
import { reportAndFail, reportAsJson } from './commands/report.ts';
import { serve } from './commands/serve.ts';
import { start } from './commands/start.ts';
import { spawn } from './commands/spawn.ts';
import { status } from './commands/status.ts';
import { update } from './commands/update.ts';
import { SPAWN_USAGE } from './spawn/options.ts';

interface Command {
  summary: string;
  /** How its options are written. */
  usage?: string[];
  /** @param args what follows the name of the command */
  run(env: Record<string, string | undefined>, args: readonly string[]): Promise<void>;
}

const COMMANDS: Record<string, Command> = {
  start: { summary: 'Everything on this machine: a local GitHub, an embedded Supabase, and the functions of this project', run: start },
  serve: { summary: 'The functions of this project alone, with the variables of a deployment', run: serve },
  migrate: {
    summary: "Apply the migrations of the package, then the project's own, to the database of DATABASE_URL",
    usage: ['--check               apply nothing; ends with 1 where some are waiting', '--json                for machines'],
    run: migrate,
  },
  spawn: { summary: 'A repository of your own with a team that knows your field', usage: SPAWN_USAGE, run: spawn },
  fleet: { summary: 'The children that the token sees: versions, drift, last check, refusals', usage: FLEET_USAGE, run: fleet },
  propose: {
    summary: 'Give an improvement of a managed or merged file back to the mother, without what is this child’s own',
    usage: PROPOSE_USAGE,
    run: proposeBack,
  },
  demo: { summary: 'Play the maintainer on the local GitHub: from a vague issue to a merged pull request (needs `npm start` in another terminal)', run: demo },
  agent: { summary: 'Keys and registration of agents that work elsewhere', usage: AGENT_USAGE, run: agent },
  doctor: {
    summary: 'Look at an installation end to end, and say for each fault how to mend it; ends with 1 where something failed',
    usage: [
      '--url https://...     the deployment, where BANYAN_URL is not set',
      '--variables .env      a file with the variables of the deployment; else those of this shell, else the stack of `npm start`',
      '--data-dir .banyan    the stack of `npm start` with this data folder',
      '--json                for machines',
    ],
    // It builds everything there is: loaded for itself alone, so that the other commands begin at once.
    run: async (env, args) => (await import('./commands/doctor.ts')).doctor(env, args),
  },
  update: {
    summary: 'Bring a child to a newer version of its template, with your edits kept',
    usage: [
      '--to v0.3.0           a version, `latest`, a tarball, or a checkout of the mother',
      '--check               write nothing; ends with 0 up to date, 1 problems in the child, 2 not known, 10 an update waits',
      '--local               with --check: only the child itself, without a network',
      '--dry-run             show what would change',
      '--data <file.json>    answers to what a new template asks; --yes: ask nothing, take defaults',
      '--pull-request        as one pull request at GitHub, kept current (what banyan-update.yml runs; GITHUB_TOKEN)',
      '--major               with --pull-request: to a new major version without asking',
      '--force               although not everything is committed',
      '--no-install          leave `npm install` to you',
      '--no-codemods         leave your own code as it is',
      '--json                for machines',
    ],
    run: update,
  },
  status: { summary: 'Show whether the local Banyan runs, and its queues', run: status },
};

function help(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { summary, usage = [] }]) => [
    `  ${name.padEnd(8)} ${summary}`,
    ...usage.map((line) => `             ${line}`),
  ]);
  return ['Usage: npx banyan <command>', '', ...lines, '', 'BANYAN_DATA_DIR names the data folder of the stack (default: .banyan).'].join('\n');
}

function helpOf(name: string, { summary, usage = [] }: Command): string {
  const options = usage.length === 0 ? [] : ['', ...usage.map((line) => `  ${line}`)];
  return [`Usage: npx banyan ${name}${usage.length === 0 ? '' : ' [options]'}`, '', `${summary}.`, ...options].join('\n');
}

function refuseUnknown(name: string): void {
  const meant = nearest(name, Object.keys(COMMANDS));
  console.error(`There is no command "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}\n\n${help()}`);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const at = args.findIndex((arg) => !arg.startsWith('-'));
  const asked = args[at] === 'help';
  const name = asked ? args[at + 1] : args[at];
  // Of an object every word of its prototype would be a command.
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  // A command reads its own options; a value of one may begin with a dash, as some keys do.
  const wants = (...flags: string[]) => args.some((arg) => flags.includes(arg));
  const wantsHelp = asked || wants('--help', '-h');
  if (name === undefined) console.log(wants('--version', '-v') ? VERSION : help());
  else if (command === undefined) refuseUnknown(name);
  else if (wantsHelp) console.log(helpOf(name, command));
  else await command.run(process.env, args.slice(at + 1));
}

/** Whoever read the output has gone (`| head`, a terminal that was closed): what is under way stops at its next safe point, as at a signal. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  process.once('exit', () => {
    process.exitCode = 128 + constants.signals.SIGPIPE;
  });
  if (!process.emit('SIGTERM', 'SIGTERM') && !process.emit('SIGINT', 'SIGINT')) process.exit();
}

for (const stream of [process.stdout, process.stderr]) {
  stream.once('error', endWithoutReader);
  stream.on('error', () => undefined);
}
const fail = process.argv.includes('--json') ? reportAsJson : reportAndFail;
// A question's terminal that was closed is told where nobody can listen for it.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => (error.code === 'EIO' ? endWithoutReader(error) : fail(error)));
main().catch(fail);
