import { describe, expect, it } from 'vitest';
import { createPathGuard } from './protected-paths.ts';

describe('createPathGuard', () => {
  it.each([
    '.github/workflows/ci.yml',
    '.github/banyan.yml',
    '.GitHub/x',
    'AGENTS.md',
    'packages/a/CLAUDE.md',
    'skills/x/SKILL.md',
    'package.json',
    'packages/a/package.json',
    'yarn.lock',
    'Cargo.lock',
    'go.sum',
    'poetry.lock',
    'banyan.config.ts',
    '.banyan/x/y',
    '.git/hooks/pre-commit',
    'sub/.git/config',
    '.npmrc',
    'requirements-dev.txt',
  ])('protects %s', (path) => {
    expect(createPathGuard()(path)).toBe(true);
  });

  it.each(['src/index.ts', 'README.md', 'github/x', 'src/package.json.ts', 'docs/agents.txt', '.gitignore', 'test/banyan.test.ts'])('leaves %s', (path) => {
    expect(createPathGuard()(path)).toBe(false);
  });

  it('adds what is configured: names anywhere, folders with all in them, globs', () => {
    const guard = createPathGuard(['infra/', '/deploy', '*.pem', 'src/**/secret.ts', '!README.md', ' ']);
    for (const path of ['infra/main.tf', 'infra/a/b', 'deploy/x', 'keys/a.pem', 'a.pem', 'src/a/b/secret.ts'])
      expect([path, guard(path)]).toEqual([path, true]);
    for (const path of ['README.md', 'src/other.ts', 'x/deploy/y']) expect([path, guard(path)]).toEqual([path, false]);
  });
});
