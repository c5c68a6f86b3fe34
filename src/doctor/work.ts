import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { modelError } from '../llm/errors.ts';
import type { RoleModel } from '../llm/types.ts';
import type { Sandbox } from '../sandbox/types.ts';
import { toBanyanError } from '../kernel/errors.ts';
import { ASKED_BY_JOBS } from './environment.ts';
import { fail, ok, skipped, warn } from './types.ts';
import type { Check, Finding, Subject } from './types.ts';

/** Of the internet, of the clouds' metadata, and a name that must be asked for. */
const OUTSIDE: readonly [string, number][] = [
  ['169.254.169.254', 80],
  ['1.1.1.1', 443],
  ['github.com', 443],
];

/** Says which of the targets can be connected to; a sandbox has Node in it. */
const REACH = `
const net = require('node:net');
const targets = JSON.parse(process.argv[1]);
const reach = ([host, port]) => new Promise((resolve) => {
  const socket = net.connect({ host, port });
  const end = (open) => { socket.destroy(); resolve(open); };
  socket.setTimeout(3000, () => end(false)).on('connect', () => end(true)).on('error', () => end(false));
});
Promise.all(targets.map(reach)).then((open) => {
  console.log('reached: ' + JSON.stringify(targets.filter((_, at) => open[at]).map((target) => target.join(':'))));
  process.exit(0);
});`;

/** A door of this machine that a sandbox on it must not find: without one, a machine without a network would prove nothing. */
async function withDoor<T>(use: (port: number) => Promise<T>): Promise<T> {
  const door = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  try {
    return await use((door.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => door.close(resolve));
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What it reaches of what it must not; null where it could not be found out. */
async function reachedFrom(sandbox: Sandbox, signal: AbortSignal): Promise<string[] | null> {
  return withDoor(async (port) => {
    const targets = [...OUTSIDE, ['127.0.0.1', port]];
    const command = `node -e ${quoted(REACH)} ${quoted(JSON.stringify(targets))}`;
    const { output } = await sandbox.run({ command, timeoutSeconds: 20, maxOutputBytes: 4_000, signal });
    const said = /^reached: (\[.*\])$/m.exec(output)?.[1];
    return said === undefined
      ? null
      : (JSON.parse(said) as string[]).map((target) => (target === `127.0.0.1:${port}` ? 'a port of the machine it runs on' : target));
  });
}

/** Vercel names itself in every answer, whatever the domain. */
async function isOnVercel({ url, source, environment, local }: Subject, signal: AbortSignal): Promise<boolean> {
  if (local) return false;
  if (source['BANYAN_SANDBOX']?.trim()) return environment.sandbox.provider === 'vercel';
  const answer = url === undefined ? null : await fetch(`${url}/api/health`, { redirect: 'manual', signal }).catch(() => null);
  return answer?.headers.has('x-vercel-id') ?? false;
}

/** The deployment's own sandboxes go by the identity of its project, which nobody has outside of Vercel. */
function hasIdentity({ source, environment: { sandbox } }: Subject): boolean {
  return sandbox.provider === 'vercel' && Boolean(source['VERCEL_OIDC_TOKEN'] ?? (sandbox.token && sandbox.teamId && sandbox.projectId));
}

async function lookAtSandbox(subject: Subject, signal: AbortSignal): Promise<Finding> {
  if ((await isOnVercel(subject, signal)) && !hasIdentity(subject)) {
    return skipped(
      'The deployment uses Vercel Sandbox by its own identity, which is not here. To look at it from here set BANYAN_SANDBOX=vercel, VERCEL_TOKEN, VERCEL_TEAM_ID and VERCEL_PROJECT_ID.',
    );
  }
  const { sandboxes } = await subject.parts();
  const sandbox = await sandboxes.create({ timeoutSeconds: 60, name: 'doctor', signal });
  try {
    const { exitCode } = await sandbox.run({ command: 'true', timeoutSeconds: 20, maxOutputBytes: 1_000, signal });
    if (exitCode !== 0) return fail(`\`true\` ended with ${exitCode} in it (${sandbox.provider}).`, 'Look whether the machine has memory and disk left.');
    const reached = await reachedFrom(sandbox, signal);
    if (reached === null)
      return warn(
        `It runs commands (${sandbox.provider}), and what it reaches could not be found out: there is no Node in it.`,
        'Install Node on the machine, or use an image that has it.',
      );
    if (reached.length > 0) {
      return fail(
        `From within (${sandbox.provider}) can be reached: ${reached.join(', ')}.`,
        'Commands of repositories must not reach anything. Install bubblewrap or use BANYAN_SANDBOX=vercel, and remove BANYAN_UNSAFE_LOCAL_SANDBOX.',
      );
    }
  } finally {
    await sandbox.destroy();
  }
  const after = await sandbox.run({ command: 'true', timeoutSeconds: 5, maxOutputBytes: 1_000 }).catch(() => null);
  if (after !== null) return fail('It goes on after its end.', 'Look at the list of sandboxes of the provider, and end it there.');
  return ok(`It opens, runs, reaches nothing and ends (${sandbox.provider}).`);
}

const TOOL = {
  type: 'function',
  function: {
    name: 'report_ready',
    description: 'Says that you can call tools.',
    parameters: { type: 'object', properties: { ready: { type: 'boolean' } }, required: ['ready'] },
  },
};

async function askModel(asked: RoleModel, roles: string, { local, signal }: { local: boolean; signal: AbortSignal }): Promise<Finding> {
  const { id, model, scripted } = asked;
  if (scripted) {
    const says = `${roles}: the scripted model, which plays the demo issue only.`;
    return local ? ok(says) : warn(says, 'Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or BANYAN_MODEL.');
  }
  try {
    if (!model.bindTools) return fail(`${roles}: ${id} takes no tools.`, 'Choose another model with BANYAN_MODEL.');
    const answer = await model.bindTools([TOOL]).invoke('Call the tool report_ready with ready = true. Say nothing else.', { signal });
    if ((answer.tool_calls ?? []).length === 0)
      return warn(`${roles}: ${id} answered without calling the tool.`, 'Choose a model that calls tools reliably: without that no role can work.');
  } catch (thrown) {
    const error = modelError(thrown);
    const status = error.data['status'];
    return fail(
      `${roles}: ${id}: ${error.message}${typeof status === 'number' ? ` (${status})` : ''}`,
      error.fix ?? 'Look at the base URL and at the status page of the provider, and try again.',
    );
  }
  if (asked.cost({ input_tokens: 1_000, output_tokens: 1_000 }).estimated) {
    return warn(
      `${roles}: ${id} answers and calls tools; its price is not known, and a high one is counted.`,
      'Set `models.prices` in .github/banyan.yml of the repositories.',
    );
  }
  return ok(`${roles}: ${id} answers, calls tools, and has a price.`);
}

const ORDER = ['fail', 'warn', 'ok', 'skipped'] as const;

/** One finding of several: as bad as the worst of them. */
export function worstOf(findings: readonly Finding[]): Finding {
  const status = ORDER.find((word) => findings.some((finding) => finding.status === word)) ?? 'skipped';
  const fixes = [...new Set(findings.flatMap(({ fix }) => fix ?? []))];
  return { status, says: findings.map(({ says }) => says).join('\n'), ...(fixes.length > 0 ? { fix: fixes.join(' ') } : {}) };
}

async function lookAtModels(subject: Subject, signal: AbortSignal): Promise<Finding> {
  const { models, roles } = await subject.parts();
  const wrong: Finding[] = [];
  const byId = new Map<string, { model: RoleModel; roles: string[] }>();
  const ofJobs = ASKED_BY_JOBS.filter((role) => subject.environment.models.byRole[role] !== undefined);
  for (const role of [...roles.keys(), ...ofJobs]) {
    try {
      const model = await models.forRole(role, { taskId: 'doctor', runId: 'doctor' });
      byId.set(model.id, { model, roles: [...(byId.get(model.id)?.roles ?? []), role] });
    } catch (thrown) {
      const error = toBanyanError(thrown);
      wrong.push(
        fail(
          `${role}: ${error.message}`,
          [error.fix, `BANYAN_MODEL_${role.toUpperCase().replaceAll('-', '_')}, or BANYAN_MODEL, says which it is.`].filter(Boolean).join(' '),
        ),
      );
    }
  }
  const asked = [...byId.values()].map((one) => askModel(one.model, one.roles.join(', '), { local: subject.local, signal }));
  return worstOf([...wrong, ...(await Promise.all(asked))]);
}

export const WORK_CHECKS: readonly Check[] = [
  { id: 'sandbox', title: 'sandbox', needs: ['BANYAN_SANDBOX'], seconds: 90, run: lookAtSandbox },
  { id: 'models', title: 'models', seconds: 90, run: lookAtModels },
];
