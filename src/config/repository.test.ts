import { describe, expect, it } from 'vitest';
import { defaultRepositoryConfig, parseRepositoryConfig } from './repository.ts';

describe('parseRepositoryConfig', () => {
  it('takes defaults where there is no file', () => {
    const { config, problems } = parseRepositoryConfig(null);
    expect(problems).toEqual([]);
    expect(config.budget).toEqual({ usd: 5, warnAtUsd: 4 });
    expect(config.labels['needs-human']).toBe('needs-human');
  });

  it('reads every field', () => {
    const { config, problems } = parseRepositoryConfig(`version: 1
enabled: true
commands: {install: npm ci, test: npm test, lint: npm run lint}
budget: {usd: 2, warn_at_percent: 50}
limits: {fix_cycles: 1, command_timeout_seconds: 60}
models: {default: "openai:gpt-5", developer: "anthropic:claude-sonnet-4-5", prices: {"openai:gpt-5": {input: 1, output: 2}}}
labels: {needs-human: help}
protected_paths: ["db/**"]
`);
    expect(problems).toEqual([]);
    expect(config.commands.test).toBe('npm test');
    expect(config.budget).toEqual({ usd: 2, warnAtUsd: 1 });
    expect(config.models.byRole).toEqual({ developer: 'anthropic:claude-sonnet-4-5' });
    expect(config.labels['needs-human']).toBe('help');
    expect(config.protectedPaths).toEqual(['db/**']);
  });

  it('names line, field and fix, and falls back to defaults', () => {
    const { config, problems } = parseRepositoryConfig('version: 1\nbudgt: 3\nlimits:\n  fix_cycles: many\n');
    expect(config).toEqual(defaultRepositoryConfig());
    expect(problems.map(({ line, field }) => ({ line, field }))).toEqual(
      expect.arrayContaining([
        { line: 2, field: 'budgt' },
        { line: 4, field: 'limits.fix_cycles' },
      ]),
    );
    expect(problems.find((problem) => problem.field === 'budgt')?.fix).toContain('budget');
  });

  it('says where YAML itself is broken', () => {
    const { problems } = parseRepositoryConfig('version: 1\ncommands: {test: "npm\n');
    expect(problems[0]?.problem).toContain('not valid YAML');
  });

  it('refuses aliases instead of expanding them', () => {
    const { problems } = parseRepositoryConfig('a: &a [1]\nb: [*a, *a]\n');
    expect(problems.map((problem) => problem.problem)).toEqual(['uses YAML aliases, which are not supported']);
  });

  it('refuses one name for two labels', () => {
    const { problems } = parseRepositoryConfig('labels: {done: in-progress}\n');
    expect(problems).toEqual([expect.objectContaining({ field: 'labels.done', problem: 'has the name that "in-progress" has' })]);
  });
});
