import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSkill } from '../../src/config/skill.ts';
import { instanceSchema } from '../../src/config/instance.ts';
import { ROOT } from './pages.ts';

const PAGE = readFileSync(join(ROOT, 'docs/children.md'), 'utf8');
const run = promisify(execFile);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-children-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function blocks(language: string): string[] {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => match[1] ?? '');
}

/** Each block begins with the path of its file. */
function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

it('shows a child that type-checks', async () => {
  write('package.json', '{"type":"module"}');
  const paths = blocks('ts').map((block) => {
    const path = /^\/\/ (\S+)\n/.exec(block)?.[1] ?? '';
    write(path, block);
    return path;
  });
  expect(paths).toEqual(expect.arrayContaining(['banyan.config.ts', 'src/agents/developer.ts', 'src/functions.ts', 'test/agents.test.ts']));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const compilerOptions = {
    ...(JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }).compilerOptions,
    paths: { banyan: [join(ROOT, 'src/index.ts')], 'banyan/testing': [join(ROOT, 'src/testing/index.ts')] },
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: paths }));
  const { stdout } = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch((thrown: { stdout: string }) => thrown);
  expect(stdout).toBe('');
}, 60_000);

it('shows a skill that is one', () => {
  const [skill = ''] = blocks('md');
  write('SKILL.md', skill);
  expect(loadSkill(join(folder, 'SKILL.md'))).toMatchObject({ name: 'refunds', roles: ['developer', 'qa'] });
});

it('explains every field of the configuration', () => {
  for (const field of ['agents', ...Object.keys(instanceSchema.shape)]) expect(PAGE).toContain(`| \`${field}\` |`);
});
