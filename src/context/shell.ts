/** One word for `sh`, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Well under the 128 kB that Linux allows for one argument. */
const MAX_COMMAND_CHARS = 60_000;

/** Words in groups that each fit into one command. */
export function inCommands(words: readonly string[]): string[] {
  const commands: string[] = [];
  let current = '';
  for (const word of words) {
    if (current.length + word.length > MAX_COMMAND_CHARS && current !== '') {
      commands.push(current);
      current = '';
    }
    current += ` ${word}`;
  }
  return current === '' ? commands : [...commands, current];
}
