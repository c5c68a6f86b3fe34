import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

/** The project's own rules over planted files; types are not needed for the rules asked here. */
function lint(files: Record<string, string>): string {
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const result = spawnSync(join(root, 'node_modules/.bin/oxlint'), ['--format', 'unix', '.'], { cwd: folder, encoding: 'utf8' });
  return `${result.stdout}${result.stderr}`;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-lint-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the rules of the linter', () => {
  it('refuse the environment outside src/config', () => {
    const text = `export const home = process.env['HOME'];\n`;
    const output = lint({ 'src/store/a.ts': text, 'src/config/b.ts': text });
    expect(output).toContain('src/store/a.ts');
    expect(output).toContain('no-process-env');
    expect(output).not.toContain('src/config/b.ts');
  });

  it('refuse the environment by its other name', () => {
    expect(lint({ 'src/store/a.ts': `import { env } from 'node:process';\nexport const home = env['HOME'];\n` })).toContain('no-restricted-imports');
  });

  it('refuse a cycle, also one of types', () => {
    const output = lint({
      'src/kernel/a.ts': `import type { B } from './b.ts';\nexport interface A {\n  b: B;\n}\n`,
      'src/kernel/b.ts': `import type { A } from './a.ts';\nexport interface B {\n  a?: A;\n}\n`,
    });
    expect(output).toContain('no-cycle');
  });

  it('say nothing about a clean file', () => {
    expect(lint({ 'src/kernel/a.ts': `export function one(): number {\n  return 1;\n}\n` })).not.toMatch(/\.ts:\d+/);
  });
});
