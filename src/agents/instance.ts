import { instanceError, MAX_SKILL_CHARS_OF_ROLE, readInstance, skillsOf } from '../config/instance.ts';
import type { FieldProblem, InstanceInput, InstanceSettings } from '../config/instance.ts';
import type { RoleAgent } from '../engine/role.ts';
import { BaseAgent } from './base.ts';
import { BUILT_IN_ROLES } from './index.ts';

/** What `defineConfig` takes: every field is optional. */
export interface ConfigInput extends InstanceInput {
  /** In place of the built-in agent of the same role, or as a role of its own that the workflow names. */
  agents?: readonly BaseAgent[];
}

/** A checked configuration: settings, and every role that can be played. */
export interface BanyanConfig {
  readonly settings: InstanceSettings;
  readonly roles: ReadonlyMap<string, RoleAgent>;
  /** The instance's own, as they were given. */
  readonly agents: readonly BaseAgent[];
}

function agentProblems(agents: unknown): FieldProblem[] {
  if (!Array.isArray(agents)) return [{ field: 'agents', line: 'agents: must be a list of agents, such as [new ShopDeveloper()]' }];
  const problems: FieldProblem[] = [];
  const add = (field: string, line: string) => void problems.push({ field, line });
  const seen = new Map<string, number>();
  for (const [index, agent] of (agents as unknown[]).entries()) {
    const field = `agents.${index}`;
    if (!(agent instanceof BaseAgent)) {
      add(field, `${field}: is no agent; give an instance of a class that extends BaseAgent or a role, e.g. new ShopDeveloper()`);
    } else if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(agent.role)) {
      add(field, `${field}.role: "${agent.role}" must be lower case words joined by hyphens`);
    } else if (seen.has(agent.role)) {
      add(field, `${field}: has the role "${agent.role}" that agents.${seen.get(agent.role)} has already`);
    } else seen.set(agent.role, index);
  }
  return problems;
}

/** Of no phase, but a model may be named for them. */
const WATCHING_MODELS = new Set(['models.guardian', 'models.diagnostician']);

/** Whatever names a role names one that somebody plays. */
function checkRoles({ workflow, models, skills }: InstanceSettings, roles: ReadonlyMap<string, RoleAgent>): void {
  const named: [field: string, role: string][] = [
    ...Object.entries(workflow.phases).map(([phase, { role }]): [string, string] => [`workflow.phases.${phase}.role`, role]),
    ...Object.keys(models.byRole).map((role): [string, string] => [`models.${role}`, role]),
    ...skills.flatMap((skill, index) => (skill.roles ?? []).map((role): [string, string] => [`skills.${index}.roles (${skill.name})`, role])),
  ];
  const unknown = named.filter(([field, role]) => !roles.has(role) && !WATCHING_MODELS.has(field));
  if (unknown.length === 0) return;
  throw instanceError(
    unknown.map(([field, role]) => `${field}: names the role "${role}", which nobody plays; roles are: ${[...roles.keys()].join(', ')}`),
    'Add an agent of that role to `agents`, or correct the name.',
    unknown.map(([field]) => field),
  );
}

function checkSkills({ skills }: InstanceSettings, roles: ReadonlyMap<string, RoleAgent>): void {
  const names = skills.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) throw instanceError([`skills: "${twice.join('", "')}" given twice`], 'Give each skill a name of its own.', ['skills']);
  for (const role of roles.keys()) {
    const size = skillsOf(skills, role).reduce((sum, { instructions }) => sum + instructions.length, 0);
    if (size > MAX_SKILL_CHARS_OF_ROLE)
      throw instanceError(
        [`skills: those for the role "${role}" have ${size} characters together; ${MAX_SKILL_CHARS_OF_ROLE} is the limit, because they accompany every call`],
        'Shorten them, or say by `roles` whom each is for.',
        ['skills'],
      );
  }
}

/** Code without types may give anything. */
function configObject(input: unknown): ConfigInput {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  throw instanceError(['(the whole): must be an object'], 'Write export default defineConfig({ ... }), where every field may be left out.', []);
}

/**
 * The configuration of an instance: the default export of `banyan.config.ts`.
 * @throws BanyanError `config_invalid` whose message names every field that is wrong, and whose `fix` says what to do
 */
export function defineConfig(input: ConfigInput = {}): BanyanConfig {
  const { agents = [], ...rest } = configObject(input);
  const settings = readInstance(rest, agentProblems(agents));
  const roles = new Map([...BUILT_IN_ROLES, ...(agents as readonly RoleAgent[])].map((agent) => [agent.role, agent]));
  checkRoles(settings, roles);
  checkSkills(settings, roles);
  return { settings, roles, agents };
}
