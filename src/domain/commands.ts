export const COMMANDS = ['plan', 'retry', 'stop', 'status', 'help'] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** The rest of the line. */
  argument: string;
}

/** The first line of a comment that begins with `/banyan`; null where there is none. An unknown word is `help`. */
export function parseCommand(body: string): Command | null {
  const match = /^[ \t]*\/banyan(?:[ \t]+([a-z-]+))?[ \t]*(.*)$/im.exec(body.slice(0, 10_000));
  if (!match) return null;
  const name = (match[1] ?? 'help').toLowerCase();
  const known = COMMANDS.find((command) => command === name);
  return { name: known ?? 'help', argument: (match[2] ?? '').trim().slice(0, 200) };
}
