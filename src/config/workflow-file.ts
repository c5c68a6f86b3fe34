import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { workflowSchema } from '../domain/workflow.ts';
import type { Workflow } from '../domain/workflow.ts';
import { BanyanError } from '../kernel/errors.ts';
import { pathOf, readText } from './skill.ts';

function invalid(path: string, problems: readonly string[]): BanyanError {
  return new BanyanError('config_invalid', `The workflow ${path} does not hold:\n  ${problems.join('\n  ')}`, {
    retry: 'needs_human',
    fix: 'Compare it with templates/workflows/default.yml of the package.',
  });
}

/** The line of a field, or of the nearest one around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/**
 * A workflow from a YAML file, checked: its form, and that every arrow leads to a phase.
 * @param file path or URL; the URL form (`new URL('./templates/workflows/strict.yml', import.meta.url)`) is what a deployment follows
 * @throws BanyanError `not_found`, or `config_invalid` naming the file, and line and field of each problem
 */
export function loadWorkflow(file: string | URL): Workflow {
  const path = pathOf(file);
  const lines = new LineCounter();
  const document = parseDocument(readText(file, 'workflow'), { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map((error) => `line ${lines.linePos(error.pos[0]).line}: is not valid YAML (${error.message})`);
  if (broken.length > 0) throw invalid(path, broken);
  const parsed = workflowSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `line ${lineOf(document, lines, issue.path)}: ${issue.path.join('.') || '(file)'}: ${issue.message}`);
  throw invalid(path, problems);
}
