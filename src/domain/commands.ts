export const COMMANDS = ['plan', 'retry', 'stop', 'pause', 'resume', 'budget', 'status', 'help'] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** The rest of the line. */
  argument: string;
}

/** US dollars that one issue may cost at most, by configuration or by command. */
export const MAX_BUDGET_USD = 1000;

/** The amount of `/banyan budget 12.50` in US dollars, a dollar sign allowed; null where it is none. */
export function parseBudget(argument: string): number | null {
  const match = /^\$?(\d{1,9}(?:\.\d{1,2})?)$/.exec(argument.trim());
  return match ? Number(match[1]) : null;
}

/** The first line of a comment that begins with `/banyan`; null where there is none. An unknown word is `help`. */
export function parseCommand(body: string): Command | null {
  const match = /^[ \t]*\/banyan(?:[ \t]+([a-z-]+))?[ \t]*(.*)$/im.exec(body.slice(0, 10_000));
  if (!match) return null;
  const name = (match[1] ?? 'help').toLowerCase();
  const known = COMMANDS.find((command) => command === name);
  return { name: known ?? 'help', argument: (match[2] ?? '').trim().slice(0, 200) };
}
