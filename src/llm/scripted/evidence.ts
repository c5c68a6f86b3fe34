/** Whether the output of a test run says that it failed: an exit status other than 0, else the runner's own count. Null where it says neither. */
export function failed(output: string): boolean | null {
  const status = /\bexit(?:ed)?[ _]?(?:code|status)?["']?(?: with)?[\s:=]{1,3}(\d+)/i.exec(output);
  if (status) return status[1] !== '0';
  const count = /^[#ℹ]? ?fail (\d+)/m.exec(output);
  return count ? count[1] !== '0' : null;
}

/** A file as a reading tool shows it, back to the file: where lines are numbered, what stands around them is framing. */
export function withoutLineNumbers(text: string): string {
  const numbered = /^\s*\d+\t/;
  const lines = text.split('\n').filter((line) => numbered.test(line));
  return lines.length === 0 ? text : lines.map((line) => line.replace(numbered, '')).join('\n');
}

/** What code says in a brief about the suite that it ran: whether it passed, or null where the brief says nothing. */
export function suiteInBrief(brief: string): boolean | null {
  const line = /^- Suite on the head: (.*)$/m.exec(brief)?.[1];
  if (line === undefined) return null;
  if (/ passed \(/.test(line)) return true;
  return / (?:failed|ran out of time)\b/.test(line) ? false : null;
}
