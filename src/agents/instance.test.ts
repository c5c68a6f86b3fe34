import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSkill } from '../config/skill.ts';
import { loadWorkflow } from '../config/workflow-file.ts';
import { parseRepositoryConfig } from '../config/repository.ts';
import { BanyanError } from '../kernel/errors.ts';
import { DeveloperAgent } from './developer/agent.ts';
import { defineConfig } from './instance.ts';

class Auditor extends DeveloperAgent {
  override readonly role = 'auditor';
}

function refusal(act: () => unknown): BanyanError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof BanyanError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

function file(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'banyan-instance-')), name);
  writeFileSync(path, text);
  return path;
}

const WORKFLOW = `name: audited
version: 1
start: work
phases:
  work:
    role: auditor
    state: in_progress
    column: Work
    prompt: Audit it.
    done: [It is audited.]
    outputs: []
    timeout_minutes: 10
    attempts: 2
    on:
      ready: { to: $merge }
`;

describe('defineConfig', () => {
  it('puts an agent in the place of the built-in one, and fills in the rest', () => {
    const developer = new DeveloperAgent();
    const { roles, settings } = defineConfig({ agents: [developer] });
    expect(roles.get('developer')).toBe(developer);
    expect([...roles.keys()]).toEqual(['product-owner', 'developer', 'qa', 'reviewer']);
    expect(settings).toMatchObject({ domain: null, workflow: { name: 'default' }, models: { default: undefined, byRole: {} }, repository: {}, skills: [] });
  });

  it('takes a role of its own that the workflow names', () => {
    const workflow = loadWorkflow(file('audited.yml', WORKFLOW));
    expect(defineConfig({ agents: [new Auditor()], workflow }).settings.workflow.name).toBe('audited');
    const { message, data, fix } = refusal(() => defineConfig({ workflow }));
    expect(message).toContain('workflow.phases.work.role: names the role "auditor", which nobody plays');
    expect(data['fields']).toEqual(['workflow.phases.work.role']);
    expect(fix).toContain('agents');
  });

  it.each<[string, unknown, string[]]>([
    ['a role given twice', { agents: [new Auditor(), new Auditor()] }, ['agents.1']],
    ['a bad agent beside other bad fields', { agents: [Auditor], skills: 'x', colour: 1 }, ['agents.0', 'skills', 'colour']],
    ['agents that are no list', { agents: 'developer' }, ['agents']],
    ['nothing', null, []],
    ['an agent that is a class', { agents: [Auditor] }, ['agents.0']],
    ['a field that is not known', { budget: 5, domain: { name: 'x', about: 'y' } }, ['domain.about', 'budget']],
    ['a model without a provider', { models: { developer: 'gpt' } }, ['models.developer']],
    ['a model for a role that nobody plays', { models: { auditor: 'openai:gpt-5.5' } }, ['models.auditor']],
    ['a workflow that is not there', { workflow: 'fast' }, ['workflow']],
    ['a budget below nothing', { budgets: { usd: -1 } }, ['budgets.usd']],
    [
      'a skill given twice',
      {
        skills: [
          { name: 'a', description: 'b', instructions: 'c' },
          { name: 'a', description: 'b', instructions: 'c' },
        ],
      },
      ['skills'],
    ],
    ['skills that fill every prompt', { skills: ['a', 'b', 'c'].map((name) => ({ name, description: 'b', instructions: 'c'.repeat(16_000) })) }, ['skills']],
  ])('refuses %s by the name of the field', (_what, input, fields) => {
    const error = refusal(() => defineConfig(input as never));
    expect(error).toMatchObject({ code: 'config_invalid', data: { fields } });
    expect(error.message).toContain('banyan.config.ts');
    expect(error.fix).toBeTruthy();
  });

  it('gives repositories their defaults, field by field', () => {
    const { repository } = defineConfig({ budgets: { usd: 2, warn_at_percent: 50 }, limits: { fix_cycles: 1, max_steps: 20 } }).settings;
    expect(parseRepositoryConfig(null, repository).config).toMatchObject({ budget: { usd: 2, warnAtUsd: 1 }, limits: { fixCycles: 1, maxSteps: 20 } });
    const own = parseRepositoryConfig('budget: 9\nlimits: {max_steps: 30}\n', repository);
    expect(own).toMatchObject({ problems: [], config: { budget: { usd: 9 }, limits: { fixCycles: 1, maxSteps: 30 } } });
    const broken = parseRepositoryConfig('limits: 3\n', repository);
    expect(broken).toMatchObject({ problems: [{ line: 1, field: 'limits' }], config: { budget: { usd: 2 }, limits: { maxSteps: 20 } } });
  });
});

it('may name models for those who watch', () => {
  const models = { default: 'openai:a', guardian: 'openai:b', diagnostician: 'openai:c' };
  expect(defineConfig({ models }).settings.models).toEqual({ default: 'openai:a', byRole: { guardian: 'openai:b', diagnostician: 'openai:c' } });
});

describe('loadWorkflow', () => {
  it('names file, line and field of what does not hold', () => {
    const path = file('broken.yml', WORKFLOW.replace('to: $merge', 'to: nowhere'));
    const { message } = refusal(() => loadWorkflow(path));
    expect(message).toContain(path);
    expect(message).toMatch(/line 15: phases\.work\.on\.ready\.to: names the unknown phase "nowhere"/);
    expect(refusal(() => loadWorkflow(file('no.yml', 'a: [1\n'))).message).toMatch(/line \d+: is not valid YAML/);
    expect(refusal(() => loadWorkflow('/nowhere/at-all.yml')).code).toBe('not_found');
  });
});

describe('loadSkill', () => {
  it('reads front matter and instructions', () => {
    const path = file(
      'SKILL.md',
      '---\nname: refunds\ndescription: When money goes back.\nroles: [developer, qa]\nlicense: MIT\n---\n\n# Refunds\n\nTo the card that paid.\n',
    );
    expect(loadSkill(path)).toEqual({
      name: 'refunds',
      description: 'When money goes back.',
      instructions: '# Refunds\n\nTo the card that paid.',
      roles: ['developer', 'qa'],
    });
  });

  it.each([
    ['no front matter', '# Refunds', 'front matter'],
    ['a wrong name', '---\nname: Re funds\ndescription: x\n---\ny', 'name: must be'],
    ['no instructions', '---\nname: refunds\ndescription: x\n---\n', 'instructions'],
    ['broken YAML', '---\nname: [\n---\ny', 'no YAML'],
  ])('refuses %s', (_what, text, said) => {
    expect(refusal(() => loadSkill(file('SKILL.md', text))).message).toContain(said);
  });
});
