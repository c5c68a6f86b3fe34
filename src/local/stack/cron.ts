import { BanyanError } from '../../kernel/errors.ts';

/** Minute, hour, day of month, month, day of week. */
const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;

/** Whether a five-field cron expression (numbers, `*`, lists, ranges, steps; UTC) names this minute. */
export function cronMatches(expression: string, at: Date): boolean {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== RANGES.length) throw new BanyanError('config_invalid', `"${expression}" is not a cron expression of five fields`);
  const now = [at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, at.getUTCDay()];
  return fields.every((field, index) =>
    field.split(',').some((part) => partMatches(part, { value: now[index] ?? 0, range: RANGES[index] ?? [0, 0], expression })),
  );
}

function partMatches(part: string, context: { value: number; range: readonly [number, number]; expression: string }): boolean {
  const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/([1-9]\d*))?$/.exec(part);
  if (!match) throw new BanyanError('config_invalid', `"${context.expression}" is not a cron expression: "${part}"`);
  const [, first, last, step] = match;
  const low = first === undefined ? context.range[0] : Number(first);
  const alone = first !== undefined && last === undefined && step === undefined;
  const high = alone ? low : Number(last ?? context.range[1]);
  return context.value >= low && context.value <= high && (context.value - low) % Number(step ?? 1) === 0;
}
