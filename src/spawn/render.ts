import picomatch from 'picomatch';
import { BanyanError } from '../kernel/errors.ts';
import type { Answers } from './answers.ts';
import type { FileClass } from './manifest.ts';
import { childPath } from './paths.ts';
import { fillIn, type Values } from './placeholders.ts';
import type { Domain, Template, TemplateFile } from './template.ts';

export interface RenderedFile {
  path: string;
  /** LF only. */
  content: string;
  /** 0o755 for what begins with `#!`, else 0o644. */
  mode: number;
  class: FileClass;
  /** The file of the mother that it was made from. */
  origin: string;
}

/** What is not an answer: it differs between two renderings of the same child. */
export interface Facts {
  /** How the child depends on the package: `file:vendor/banyan-0.1.0.tgz`, or another spec of npm. */
  banyan: string;
}

/**
 * What stands for each placeholder in a child with these answers.
 * @throws BanyanError `config_invalid` for a domain that there is not
 */
export function placeholderValues(template: Template, answers: Answers, facts: Facts): Values {
  return valuesOf(template, domainOf(template, answers.domain), { answers, facts });
}

/** @throws BanyanError `config_invalid` naming the domains that there are */
export function domainOf(template: Template, name: string): Domain {
  const domain = template.domains.get(name);
  if (domain) return domain;
  const known = [...template.domains.keys()].join(', ');
  throw new BanyanError('config_invalid', `domain: there is no domain "${name}".`, { fix: `Choose one of ${known}.`, data: { field: 'domain' } });
}

function checkAgents(domain: Domain, agents: readonly string[]): void {
  const offered = Object.keys(domain.manifest.agents);
  const unknown = agents.filter((role) => !offered.includes(role));
  if (unknown.length === 0) return;
  throw new BanyanError('config_invalid', `agents: the domain ${domain.name} has no ${unknown.join(', ')}.`, {
    fix: `Choose from ${offered.join(', ')}.`,
    data: { field: 'agents' },
  });
}

/** In the domain's order, so that the same choice always gives the same files. */
function chosenAgents(domain: Domain, { agents }: Answers): { role: string; class: string }[] {
  return Object.entries(domain.manifest.agents).flatMap(([role, agent]) => (agents.includes(role) ? [{ role, class: agent.class }] : []));
}

function valuesOf(template: Template, domain: Domain, input: { answers: Answers; facts: Facts }): Values {
  const { answers, facts } = input;
  const agents = chosenAgents(domain, answers);
  const description = answers.description || domain.manifest.defaults.description;
  return {
    packages: template.packages,
    words: {
      name: answers.name,
      owner: answers.owner || 'YOUR-ACCOUNT',
      domain: domain.name,
      domain_title: domain.manifest.title,
      description,
      role_literals: agents.map(({ role }) => `'${role}'`).join(', '),
      roles: agents.map(({ role }) => role).join(', '),
      agent_imports: agents.map((agent) => `import { ${agent.class} } from './src/agents/${agent.role}.ts';`).join('\n'),
      agent_instances: agents.map((agent) => `new ${agent.class}()`).join(', '),
      agent_rows: agents.map((agent) => `| \`src/agents/${agent.role}.ts\` | what the ${agent.role} knows beyond that |`).join('\n'),
      banyan: facts.banyan,
      template: template.name,
      template_version: template.version,
      node: template.node,
      schedule: answers.schedule,
    },
  };
}

/** The domain's file wins over a part's, and that over the scaffold's; agents that were not chosen are left out. */
function sourcesOf(template: Template, domain: Domain, answers: Answers): TemplateFile[] {
  const parts = template.parts.flatMap(({ manifest, files }) =>
    manifest.files.flatMap(({ from, when }) => {
      const file = files.get(from);
      const taken = Object.entries(when).every(([question, answer]) => (answers as Record<string, unknown>)[question] === answer);
      return file && taken ? [file] : [];
    }),
  );
  const left = Object.keys(domain.manifest.agents).filter((role) => !answers.agents.includes(role));
  const without = new Set(left.map((role) => `src/agents/${role}.ts`));
  const byPath = new Map([...template.files, ...parts, ...domain.files].map((file) => [file.path, file]));
  return [...byPath.values()].filter((file) => !without.has(file.path));
}

function classOf(template: Template, { path, origin }: TemplateFile): FileClass {
  const rule = template.manifest.classes.find(({ glob }) => picomatch.isMatch(path, glob, { dot: true }));
  if (rule) return rule.class;
  throw new BanyanError('config_invalid', `${origin}: no glob of child-template/manifest.yml says of which class ${path} is.`, {
    fix: 'Add it under `classes`.',
    data: { path },
  });
}

function refuseTwins(files: readonly RenderedFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const key = path.normalize('NFC').toLowerCase();
    const other = seen.get(key);
    if (other !== undefined)
      throw new BanyanError('config_invalid', `${other} and ${path} are one file where capitals do not count.`, { fix: 'Rename one of them.' });
    seen.set(key, path);
  }
}

/**
 * The files of a child. The same input gives the same bytes, in the order of their paths.
 * @throws BanyanError `config_invalid` (an unknown domain, role or placeholder), `path_invalid`
 */
export function renderTemplate(template: Template, answers: Answers, facts: Facts): RenderedFile[] {
  const domain = domainOf(template, answers.domain);
  checkAgents(domain, answers.agents);
  const values = valuesOf(template, domain, { answers, facts });
  const files = sourcesOf(template, domain, answers).map((file) => {
    const text = fillIn(file.text, file.origin, values);
    const content = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return { path: childPath(file.path), content, mode: content.startsWith('#!') ? 0o755 : 0o644, class: classOf(template, file), origin: file.origin };
  });
  refuseTwins(files);
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
