/** The `banyan` command. One file per command in `scripts/commands`. */
import { constants } from 'node:os';
import { VERSION } from '../src/kernel/version.generated.ts';
import { nearest } from './commands/nearest.ts';
import { reportAndFail, reportAsJson } from './commands/report.ts';
import { AGENT_USAGE, DOCTOR_USAGE, FLEET_USAGE, MIGRATE_USAGE, PROPOSE_USAGE, SPAWN_USAGE, UPDATE_USAGE } from './commands/usage.ts';

interface Command {
  summary: string;
  /** How its options are written. */
  usage?: string[];
  /** @param args what follows the name of the command */
  run(env: Record<string, string | undefined>, args: readonly string[]): Promise<void>;
}

/** Each is loaded for itself alone, so that it begins at once. */
const COMMANDS: Record<string, Command> = {
  start: {
    summary: 'Everything on this machine: a local GitHub, an embedded Supabase, and the functions of this project',
    run: async (env) => (await import('./commands/start.ts')).start(env),
  },
  serve: {
    summary: 'The functions of this project alone, with the variables of a deployment',
    run: async (env) => (await import('./commands/serve.ts')).serve(env),
  },
  migrate: {
    summary: "Apply the migrations of the package, then the project's own, to the database of DATABASE_URL",
    usage: MIGRATE_USAGE,
    run: async (env, args) => (await import('./commands/migrate.ts')).migrate(env, args),
  },
  spawn: {
    summary: 'A repository of your own with a team that knows your field',
    usage: SPAWN_USAGE,
    run: async (env, args) => (await import('./commands/spawn.ts')).spawn(env, args),
  },
  fleet: {
    summary: 'The children that the token sees: versions, drift, last check, refusals',
    usage: FLEET_USAGE,
    run: async (env, args) => (await import('./commands/fleet.ts')).fleet(env, args),
  },
  propose: {
    summary: 'Give an improvement of a managed or merged file back to the mother, without what is this child’s own',
    usage: PROPOSE_USAGE,
    run: async (env, args) => (await import('./commands/propose.ts')).proposeBack(env, args),
  },
  demo: {
    summary: 'Play the maintainer on the local GitHub: from a vague issue to a merged pull request (needs `npm start` in another terminal)',
    run: async (env) => (await import('./commands/demo.ts')).demo(env),
  },
  agent: {
    summary: 'Keys and registration of agents that work elsewhere',
    usage: AGENT_USAGE,
    run: async (env, args) => (await import('./commands/agent.ts')).agent(env, args),
  },
  doctor: {
    summary: 'Look at an installation end to end, and say for each fault how to mend it; ends with 1 where something failed',
    usage: DOCTOR_USAGE,
    run: async (env, args) => (await import('./commands/doctor.ts')).doctor(env, args),
  },
  update: {
    summary: 'Bring a child to a newer version of its template, with your edits kept',
    usage: UPDATE_USAGE,
    run: async (env, args) => (await import('./commands/update.ts')).update(env, args),
  },
  status: { summary: 'Show whether the local Banyan runs, and its queues', run: async (env) => (await import('./commands/status.ts')).status(env) },
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
