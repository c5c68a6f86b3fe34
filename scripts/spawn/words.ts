import type { Answers } from '../../src/spawn/answers.ts';
import type { PackageSource } from '../../src/spawn/package.ts';

interface Outline {
  target: string;
  answers: Answers;
}

/** What is about to be made, in a few lines. */
export function summary({ target, answers, files }: Outline & { files: number }): string {
  return [`${answers.name}: a child of Banyan for ${answers.domain}, with its own ${answers.agents.join(', ')}`, `${files} files into ${target}`].join('\n');
}

interface DryRun extends Outline {
  files: readonly { path: string; class: string }[];
  source: PackageSource;
  switches: { install: boolean; test: boolean; git: boolean };
  plans: readonly { title: string; lines: readonly string[] }[];
}

function sourceLine(source: PackageSource): string {
  if (source.kind === 'spec') return `depend on banyan@${source.spec}`;
  return source.kind === 'folder' ? `pack ${source.path} into vendor/` : `copy ${source.path} into vendor/`;
}

/** Everything that would be done, in its order. */
export function dryRun({ target, answers, files, source, switches, plans }: DryRun): string {
  const { install, test, git } = switches;
  const steps = [sourceLine(source), install ? 'npm install' : '', install && test ? 'npm run check, npm test' : '', git ? 'git init and a first commit' : ''];
  return [
    summary({ target, answers, files: files.length }),
    ...files.map(({ path, class: kind }) => `  ${kind.padEnd(8)} ${path}`),
    'Then:',
    ...steps.filter((step) => step !== '').map((step) => `  - ${step}`),
    ...plans.flatMap(({ title, lines }) => [`${title}:`, ...lines.map((line) => `  - ${line}`)]),
    'Nothing was written: this was a dry run.',
  ].join('\n');
}

/** Three steps, whatever was done already. */
export function nextSteps({ folder, installed, left }: { folder: string; installed: boolean; left: readonly string[] }): string {
  const quoted = /^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", String.raw`'\''`)}'`;
  const go = folder === '.' ? '' : `cd ${quoted} && `;
  const live =
    left.length === 0
      ? 'npx vercel deploy --prod     and it is live'
      : `npx banyan spawn ${left.map((id) => `--${id}`).join(' ')}     when it is to go live (any of them, with --dry-run first)`;
  return [
    '',
    'Next:',
    `  1. ${go}${installed ? '' : 'npm install && '}npm start     the team on this machine; in another terminal: npx banyan demo`,
    '  2. src/agents/domain.ts     what your team must know: correct it, then npm test',
    `  3. ${live}`,
  ].join('\n');
}
