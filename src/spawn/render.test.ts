import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAnswers, type Answers } from './answers.ts';
import { hashOf } from './book.ts';
import { renderTemplate } from './render.ts';
import { readTemplate, type Template } from './template.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FACTS = { banyan: 'file:vendor/banyan-0.1.0.tgz' };
const template = readTemplate(ROOT);

function answers(changes: Partial<Answers> = {}): Answers {
  return parseAnswers(
    { name: 'my-shop', domain: 'e-commerce', agents: ['developer', 'qa'], owner: 'acme', description: 'Tea, by post.', ...changes },
    'answers',
  );
}

function rendered(changes: Partial<Answers> = {}): Map<string, string> {
  return new Map(renderTemplate(template, answers(changes), FACTS).map((file) => [file.path, file.content]));
}

/** The template with one more file, as the scaffold would have it. */
function withFile(path: string, text: string): Template {
  return { ...template, files: [...template.files, { path, text, origin: `child-template/files/${path}` }] };
}

describe('renderTemplate', () => {
  it('gives the layout that a child has', () => {
    const paths = [...rendered().keys()];
    expect(paths).toEqual(paths.toSorted());
    for (const path of ['banyan.config.ts', 'src/functions.ts', 'package.json', 'vercel.json', '.gitignore', 'supabase/cron.sql', 'README.md', 'AGENTS.md']) {
      expect(paths).toContain(path);
    }
    expect(paths.filter((path) => path.startsWith('.github/'))).toEqual(['.github/workflows/banyan-update.yml', '.github/workflows/ci.yml']);
    expect(paths.filter((path) => path.startsWith('api/')).length).toBe(6);
  });

  it.each([...template.domains.values()].map((domain) => [domain.name, domain] as const))(
    'renders the domain %s with each role that it offers',
    (name, domain) => {
      const offered = Object.keys(domain.manifest.agents);
      const files = rendered({ domain: name, agents: offered });
      for (const [role, agent] of Object.entries(domain.manifest.agents)) {
        expect(files.get(`src/agents/${role}.ts`)).toContain(`export class ${agent.class} extends `);
        expect(files.get(`src/agents/${role}.ts`)).toContain('getDomainContext(): string');
        expect(files.get('banyan.config.ts')).toContain(`new ${agent.class}()`);
      }
      expect(files.get('src/agents/domain.ts')).toContain('export const DOMAIN');
      expect(domain.manifest.defaults.agents.filter((role) => !offered.includes(role))).toEqual([]);
    },
  );

  it('leaves out the agents that were not chosen', () => {
    const files = rendered({ agents: ['qa'] });
    expect([...files.keys()].filter((path) => path.startsWith('src/agents/'))).toEqual(['src/agents/domain.ts', 'src/agents/qa.ts', 'src/agents/settings.ts']);
    expect(files.get('banyan.config.ts')).toContain('agents: [new ShopQa()]');
    expect(files.get('banyan.config.ts')).not.toContain('ShopDeveloper');
  });

  it('gives the same bytes for the same answers, in whatever order the roles were named', () => {
    const [a, b] = [rendered({ agents: ['developer', 'qa'] }), rendered({ agents: ['qa', 'developer'] })];
    expect(Object.fromEntries(b)).toEqual(Object.fromEntries(a));
  });

  it('ends every file with one line feed and leaves no carriage return and no placeholder', () => {
    const wrong = [...rendered()].filter(([, text]) => text.includes('\r') || !text.endsWith('\n') || /(?<!\$)\{\{/.test(text));
    expect(wrong).toEqual([]);
    expect(rendered().get('.github/workflows/ci.yml')).toContain('${{ github.ref }}');
  });

  it('writes a description of any shape as data', () => {
    const hostile = 'A `shop` "for" ${process.env.HOME} */ \\ {{name}} </script> 日本';
    const files = rendered({ description: hostile });
    const literal = /const PRODUCT = (".*");/.exec(files.get('src/agents/domain.ts') ?? '')?.[1] ?? '';
    expect(JSON.parse(literal)).toBe(hostile);
    expect(JSON.parse(files.get('package.json') ?? '')).toMatchObject({ name: 'my-shop', description: hostile });
  });

  it('pins what the mother pins', () => {
    const own = JSON.parse(rendered().get('package.json') ?? '') as { dependencies: object; devDependencies: Record<string, string> };
    expect(own.dependencies).toEqual({ banyan: FACTS.banyan });
    expect(own.devDependencies['vitest']).toBe(template.packages['vitest']);
    for (const version of Object.values(own.devDependencies)) expect(version).toMatch(/^\d/);
  });

  it('takes the vercel.json of the schedule', () => {
    const everyMinute = /"schedule": "\* \* \* \* \*"/;
    expect(rendered({ schedule: 'minute' }).get('vercel.json')).toMatch(everyMinute);
    expect(rendered({ schedule: 'daily' }).get('vercel.json')).not.toMatch(everyMinute);
  });

  it('takes the settings of the effort', () => {
    expect(rendered({ effort: 'frugal' }).get('src/agents/settings.ts')).toContain('usd: 1,');
    expect(rendered({ effort: 'thorough' }).get('src/agents/settings.ts')).toContain('usd: 20,');
  });

  it('names file and line of a placeholder that nobody knows', () => {
    expect(() => renderTemplate(withFile('api/x.ts', 'one\n{{nmae}}\n'), answers(), FACTS)).toThrowError(/child-template\/files\/api\/x\.ts:2: .*\{\{nmae\}\}/);
    expect(() => renderTemplate(withFile('api/x.ts', '{{version:leftpad}}'), answers(), FACTS)).toThrowError(/version:leftpad/);
    expect(() => renderTemplate(withFile('api/x.ts', '{{constructor}}'), answers(), FACTS)).toThrowError(/constructor/);
  });

  it.each(['../x.ts', '/etc/x.ts', 'api/../../x.ts', 'api\\x.ts', 'C:/x.ts', 'api//x.ts', '.git/hooks/pre-commit', 'api/.GIT/x', 'api/con.ts', 'api/x.ts\0'])(
    'refuses the path %j',
    (path) => {
      expect(() => renderTemplate(withFile(path, ''), answers(), FACTS)).toThrowError(expect.objectContaining({ code: 'path_invalid' }));
    },
  );

  it('refuses a file of no class, and two that differ in capitals only', () => {
    expect(() => renderTemplate(withFile('other/x.ts', ''), answers(), FACTS)).toThrowError(/of which class other\/x\.ts/);
    expect(() => renderTemplate(withFile('api/Webhook.ts', ''), answers(), FACTS)).toThrowError(/capitals/);
  });

  it('names the domains and the roles that there are', () => {
    expect(() => rendered({ domain: 'bakery' })).toThrowError(expect.objectContaining({ fix: expect.stringContaining('e-commerce') as string }));
    expect(() => rendered({ agents: ['baker'] })).toThrowError(expect.objectContaining({ fix: expect.stringContaining('product-owner') as string }));
  });

  it('hashes the same text with the line ends of either system alike', () => {
    expect(hashOf('a\r\nb\r\n')).toBe(hashOf('a\nb\n'));
    expect(hashOf('a\nb')).not.toBe(hashOf('a\nb\n'));
  });
});
