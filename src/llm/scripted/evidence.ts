/** Whether the output of a test run says that it failed: an exit status other than 0, else the runner's own count. Null where it says neither. */
export function failed(output: string): boolean | null {
  const status = /\bexit(?:ed)?[ _]?(?:code|status)?["']?(?: with)?[\s:=]{1,3}(\d+)/i.exec(output);
  if (status) return status[1] !== '0';
  const count = /^[#ℹ]? ?fail (\d+)/m.exec(output);
  return count ? count[1] !== '0' : null;
}

/** The text without the line numbers that a reading tool may put before each line. */
export function withoutLineNumbers(text: string): string {
  const lines = text.split('\n');
  const numbered = /^\s*\d+(?:\t|→|: ?|\| ?)/;
  const body = lines.filter((line) => line.trim() !== '');
  if (body.length === 0 || !body.every((line) => numbered.test(line))) return text;
  return lines.map((line) => line.replace(numbered, '')).join('\n');
}
