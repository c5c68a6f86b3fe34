import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../scripts/banyan.js', import.meta.url));

/** Gives a program a terminal of a known size, and ends as the program does; the terminal closes when nobody types any more. */
const TERMINAL = `
import os, pty, sys
def typed(fd):
    return os.read(fd, 1024) or sys.exit(1)
status = pty.spawn(["sh", "-c", 'stty cols 120 rows 40; echo "process $$"; exec "$@"', "sh", *sys.argv[1:]], stdin_read=typed)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`;

export const KEY = { enter: '\r', down: '\u001b[B', interrupt: '\u0003' } as const;

export interface Terminal {
  /** Waits for words on the screen that have not been waited for, then types. */
  answer(words: string, keys: string): Promise<void>;
  /** Everything that stood on it, without its colours. */
  screen(): string;
  /** Closes it, as a window is closed. */
  close(): void;
  /** Of the command. */
  pid(): number;
  ended: Promise<number | null>;
}

/** Runs the command of this checkout with somebody at a terminal (Python opens it: Node cannot). */
export function atTerminal(args: readonly string[], { cwd, env }: { cwd: string; env: Record<string, string | undefined> }): Terminal {
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, COMMAND, ...args], {
    cwd,
    env: { ...env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let written = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (written += chunk));
  const screen = () => stripVTControlCharacters(written);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return {
    async answer(words, keys) {
      await expect.poll(() => screen().slice(seen), { timeout: 60_000 }).toContain(words);
      seen = screen().length;
      child.stdin.write(keys);
    },
    screen,
    close: () => child.stdin.end(),
    pid: () => Number(/^process (\d+)/.exec(screen())?.[1]),
    ended,
  };
}
