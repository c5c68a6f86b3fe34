import picomatch from 'picomatch';

/**
 * What an agent may not change, because it decides what runs with whose rights, or what agents are told: workflows, instructions
 * for agents, manifests and lock files, Banyan's own configuration.
 */
const DEFAULT_PROTECTED_PATHS: readonly string[] = [
  ...[
    '.github/**',
    '.gitlab-ci.yml',
    '.circleci/**',
    '.banyan/**',
    '**/banyan.config.*',
    '**/.git/**',
    '**/.git',
    '.gitmodules',
    'CODEOWNERS',
    'docs/CODEOWNERS',
  ],
  ...['**/AGENTS.md', '**/CLAUDE.md', '**/GEMINI.md', '**/SKILL.md', '.claude/**', '.cursor/**', '.cursorrules', '.windsurfrules', '.mcp.json', '.vscode/**'],
  ...[
    '**/package.json',
    '**/package-lock.json',
    '**/npm-shrinkwrap.json',
    '**/yarn.lock',
    '**/.yarnrc*',
    '**/.npmrc',
    '**/pnpm-lock.yaml',
    '**/pnpm-workspace.yaml',
  ],
  ...[
    '**/bun.lock',
    '**/bun.lockb',
    '**/deno.lock',
    '**/Cargo.toml',
    '**/Cargo.lock',
    '**/go.mod',
    '**/go.sum',
    '**/pyproject.toml',
    '**/poetry.lock',
    '**/uv.lock',
  ],
  ...[
    '**/Pipfile',
    '**/Pipfile.lock',
    '**/requirements*.txt',
    '**/setup.py',
    '**/setup.cfg',
    '**/Gemfile',
    '**/Gemfile.lock',
    '**/composer.json',
    '**/composer.lock',
  ],
  ...['**/pom.xml', '**/build.gradle', '**/build.gradle.kts', '**/gradle.lockfile', '**/mix.exs', '**/mix.lock', '**/*.csproj', '**/packages.lock.json'],
];

/** As in .gitignore: without a slash at any depth, with one from the root, and a folder means all that is in it. */
function expand(pattern: string): string[] {
  const named = pattern.trim().replace(/^\.\//, '').replace(/\/+$/, '');
  if (named === '') return [];
  const rooted = named.includes('/') ? named.replace(/^\/+/, '') : `**/${named}`;
  return [rooted, `${rooted}/**`];
}

/** True for a path that needs a person. Case does not matter: some file systems do not tell `.GitHub` from `.github`. */
export function createPathGuard(configured: readonly string[] = []): (path: string) => boolean {
  const patterns = [...DEFAULT_PROTECTED_PATHS, ...configured.flatMap(expand)];
  const matches = picomatch(patterns, { dot: true, nocase: true, nonegate: true });
  return (path) => matches(path);
}
