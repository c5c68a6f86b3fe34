/** One line of the text format of Prometheus. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  types: Map<string, string>;
  helps: Map<string, string>;
  samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;

/** To which metric a sample belongs: a histogram's lines have endings of their own. */
function familyOf(name: string, types: ReadonlyMap<string, string>): string {
  const stem = name.replace(/_(?:bucket|sum|count)$/, '');
  return types.get(stem) === 'histogram' ? stem : name;
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

/**
 * Reads an exposition as strictly as Prometheus does: every metric is announced before its samples, which stand together; no series comes twice.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): Exposition {
  const [types, helps, samples, seen] = [new Map<string, string>(), new Map<string, string>(), [] as Sample[], new Set<string>()];
  let current = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, announced = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const known = kind === 'HELP' ? helps : types;
      if (!NAME.test(announced) || known.has(announced)) throw new Error(`announced twice, or no name: ${line}`);
      known.set(announced, rest);
      current = announced;
      continue;
    }
    const [, name = '', pairs = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === '' || familyOf(name, types) !== current || !types.has(current)) throw new Error(`not a sample of ${current}: ${line}`);
    const labels = Object.fromEntries([...pairs.matchAll(LABEL)].map(([, key = '', label = '']) => [key, unescaped(label)]));
    const series = JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
    if (seen.has(series) || Number.isNaN(Number(value.replace('+Inf', 'Infinity')))) throw new Error(`twice, or no number: ${line}`);
    seen.add(series);
    samples.push({ name, labels, value: Number(value) });
  }
  return { types, helps, samples };
}

/** The sum over all series of a name that have these labels; undefined where there is none. */
export function valueOf({ samples }: Exposition, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = samples.filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
