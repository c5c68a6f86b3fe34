import { confirm, multiselect, select, text } from '@clack/prompts';
import { basename } from 'node:path';
import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';
import { parseAnswers, type Answers, type OptionalQuestion } from '../../src/spawn/answers.ts';
import { cancelled } from '../../src/spawn/command.ts';
import { proposeName } from '../../src/spawn/names.ts';
import { domainOf } from '../../src/spawn/render.ts';
import type { Domain, Template } from '../../src/spawn/template.ts';
import type { GivenAnswers } from './options.ts';
import { answered, askQuestion, type Asked } from './questions.ts';

export interface Asking {
  /** Whether there is a person at a terminal who may be asked. */
  interactive: boolean;
  /** Whether defaults are taken for what was not said. */
  yes: boolean;
  /** Tells what was decided without asking. */
  say(line: string): void;
}

export function confirmed(message: string): Promise<boolean> {
  return answered(confirm({ message }));
}

function missing(field: string, flag: string): BanyanError {
  return new BanyanError('config_invalid', `${field} is missing, and there is no terminal to ask at.`, {
    fix: `Give ${flag}, or --yes to take defaults where there are any.`,
    data: { field },
  });
}

function typedName(): Promise<string> {
  const validate = (value: string | undefined) => {
    try {
      proposeName(value ?? '');
      return undefined;
    } catch (error) {
      return toBanyanError(error).message;
    }
  };
  return answered(text({ message: 'What is the child called?', placeholder: 'my-shop', validate }));
}

async function nameOf(given: GivenAnswers, asking: Asking, folder: string): Promise<string> {
  const said = given.name ?? (asking.interactive ? await typedName() : undefined);
  const wanted = said === '.' ? basename(folder) : said;
  if (wanted === undefined) throw new BanyanError('config_invalid', 'name is missing.', { fix: 'Give it: npx banyan spawn my-shop', data: { field: 'name' } });
  if (typeof wanted !== 'string') throw new BanyanError('config_invalid', 'name must be text.', { data: { field: 'name' } });
  if (/[/\\]/.test(wanted) && !/^@[^/\\]+\/[^/\\]+$/.test(wanted)) {
    throw new BanyanError('config_invalid', `name: "${wanted.slice(0, 80)}" is a path.`, {
      fix: `Give the name, and the folder apart: npx banyan spawn my-shop --dir ${JSON.stringify(wanted)}`,
      data: { field: 'name' },
    });
  }
  const proposal = proposeName(wanted);
  if (!proposal.changed || given.name === '.') return proposal.name;
  const message = `"${wanted}" cannot be the name of a package and a repository: \`${proposal.name}\` is.`;
  if (asking.interactive && !asking.yes && !(await confirmed(`${message} Take that?`))) throw cancelled();
  asking.say(message);
  return proposal.name;
}

async function domainFor(given: GivenAnswers, template: Template, asking: Asking): Promise<Domain> {
  if (typeof given.domain === 'string') return domainOf(template, given.domain);
  if (given.domain !== undefined) throw new BanyanError('config_invalid', 'domain must be text.', { data: { field: 'domain' } });
  if (asking.interactive && !asking.yes) {
    const options = [...template.domains.values()].map(({ name, manifest }) => ({ value: name, label: manifest.title, hint: manifest.description }));
    return domainOf(template, await answered(select({ message: 'What does it build?', options })));
  }
  if (!asking.yes) throw missing('domain', `--domain ${[...template.domains.keys()].join('|')}`);
  asking.say('No domain was named: custom is taken.');
  return domainOf(template, 'custom');
}

async function agentsFor(given: GivenAnswers, domain: Domain, asking: Asking): Promise<unknown> {
  const roles = Object.keys(domain.manifest.agents);
  if (Array.isArray(given.agents) && given.agents.includes('all')) {
    if (given.agents.every((role) => role === 'all')) return roles;
    throw new BanyanError('config_invalid', 'agents: `all` stands alone: it means every role of the domain.', {
      fix: `Give --agents all, or name roles: ${roles.join(', ')}.`,
      data: { field: 'agents' },
    });
  }
  if (given.agents !== undefined) return given.agents;
  const { defaults, agents } = domain.manifest;
  if (!asking.interactive || asking.yes) return defaults.agents;
  const options = Object.keys(agents).map((role) => ({ value: role, label: role }));
  return answered(multiselect({ message: 'Which roles are specialised?', options, initialValues: defaults.agents, required: true }));
}

/** What spawning asks of the questions that have a default: little. The others are answered by flags. */
const ASKED: readonly OptionalQuestion[] = ['owner', 'description'];

async function optionalAnswers(given: GivenAnswers, asking: Asking, asked: Asked): Promise<GivenAnswers> {
  if (!asking.interactive || asking.yes) return {};
  const answers: GivenAnswers = {};
  for (const question of ASKED) if (given[question] === undefined) answers[question] = await askQuestion(question, asked);
  return answers;
}

/**
 * Everything that a child is made from: what was given, then what a person answers, then defaults.
 * @throws BanyanError naming what is missing or wrong
 */
export async function completeAnswers(given: GivenAnswers, template: Template, asking: Asking & { folder: string }): Promise<Answers> {
  const name = await nameOf(given, asking, asking.folder);
  const domain = await domainFor(given, template, asking);
  const agents = await agentsFor(given, domain, asking);
  const optional = await optionalAnswers(given, asking, { template, domain: domain.name });
  return parseAnswers({ ...given, ...optional, name, domain: domain.name, agents }, 'the answers');
}
