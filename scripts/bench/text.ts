import type { BenchSection, BenchTable } from './section.ts';

type Row = readonly (string | number)[];

/** Columns as wide as they need to be, the first to the left, the others to the right. */
function alignedTable(head: readonly string[], rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = head.map((cell, column) => Math.max(cell.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

const goalLine = ({ goal, value, reached }: BenchSection['goals'][number]) => `${reached ? 'reached    ' : 'not reached'}  ${goal}: ${value}`;

export function sectionText({ title, tables, goals, notes = [] }: BenchSection): string {
  const blocks = [
    title,
    ...tables.map((table) => `${table.title}\n\n${alignedTable(table.columns, table.rows)}`),
    ...(goals.length > 0 ? [goals.map(goalLine).join('\n')] : []),
    ...notes,
  ];
  return blocks.join('\n\n');
}

const escaped = (cell: string | number) => String(cell).replaceAll('|', '\\|');
const markdownRow = (cells: readonly (string | number)[]) => `| ${cells.map(escaped).join(' | ')} |`;

function markdownTable({ title, columns, rows }: BenchTable): string {
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [title, '', markdownRow(columns), markdownRow(rule), ...rows.map(markdownRow)].join('\n');
}

export function sectionMarkdown({ tables, goals, notes = [] }: BenchSection): string {
  const judged = goals.map(({ goal, value, reached }) => [goal, value, reached ? 'reached' : 'not reached']);
  const goalTable = ['| Goal | Measured | |', '| --- | --- | --- |', ...judged.map(markdownRow)].join('\n');
  return [...tables.map(markdownTable), ...(goals.length > 0 ? [goalTable] : []), ...notes].join('\n\n');
}

/** The page with `text` between the markers of `name`. @throws where the page has no such markers */
export function withBlock(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [start, end] = [page.indexOf(open), page.indexOf(close)];
  if (start === -1 || end < start) throw new Error(`the page has no place for "${name}": ${open} ... ${close}`);
  return `${page.slice(0, start)}${open}\n${text}\n${page.slice(end)}`;
}
