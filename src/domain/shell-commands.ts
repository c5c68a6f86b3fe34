/*
 * A shell script as the commands that it would run, as far as a reader needs it who wants to know what somebody tries: which program, with
 * which words, and what its output goes to. Nothing is expanded. What is written wrongly or cut off is read as far as it goes.
 */

export interface ShellCommand {
  /** The program and its arguments, without quotes. */
  words: string[];
  /** What is fed to it as a here-document. */
  input: string;
  /** Its output goes to the next command. */
  piped: boolean;
}

interface Reading {
  script: string;
  at: number;
  commands: ShellCommand[];
  current: ShellCommand;
  /** The word that is being read; null between two. */
  word: string | null;
  /** Here-documents whose text begins with the next line. */
  awaited: { delimiter: string; command: ShellCommand }[];
  depth: number;
}

const DEPTH = 4;
const OPERATOR = /[;&|()\n]/;

function blank(): ShellCommand {
  return { words: [], input: '', piped: false };
}

function endWord(reading: Reading): void {
  if (reading.word !== null) reading.current.words.push(reading.word);
  reading.word = null;
}

function endCommand(reading: Reading, piped = false): void {
  endWord(reading);
  if (reading.current.words.length > 0) reading.commands.push({ ...reading.current, piped });
  reading.current = blank();
}

/** Text up to the bracket or the backtick that ends it, and a place behind that. */
function substitution(script: string, start: number, ending: ')' | '`'): { inner: string; next: number } {
  let depth = 1;
  for (let at = start; at < script.length; at += 1) {
    if (script[at] === '\\') at += 1;
    else if (script[at] === ending && (depth -= 1) === 0) return { inner: script.slice(start, at), next: at + 1 };
    else if (ending === ')' && script[at] === '(') depth += 1;
  }
  return { inner: script.slice(start), next: script.length };
}

/** Reads what is substituted here, if something is: its commands are commands of the script. */
function readSubstitution(reading: Reading): boolean {
  const { script, at, depth } = reading;
  const length = script[at] === '`' ? 1 : script.startsWith('$(', at) ? 2 : 0;
  if (length === 0) return false;
  const { inner, next } = substitution(script, at + length, length === 1 ? '`' : ')');
  if (depth < DEPTH) reading.commands.push(...read(inner, depth + 1));
  reading.word = `${reading.word ?? ''}$()`;
  reading.at = next;
  return true;
}

function readDouble(reading: Reading): void {
  const { script } = reading;
  reading.word ??= '';
  reading.at += 1;
  while (reading.at < script.length && script[reading.at] !== '"') {
    if (readSubstitution(reading)) continue;
    if (script[reading.at] === '\\' && /["\\$`]/.test(script[reading.at + 1] ?? '')) reading.at += 1;
    reading.word += script[reading.at] ?? '';
    reading.at += 1;
  }
  reading.at += 1;
}

function readSingle(reading: Reading): void {
  const end = reading.script.indexOf("'", reading.at + 1);
  const until = end < 0 ? reading.script.length : end;
  reading.word = (reading.word ?? '') + reading.script.slice(reading.at + 1, until);
  reading.at = until + 1;
}

/** `>file` is a word of its own, so that what is written is not taken for an argument; `<file` is read like one. */
function readRedirection(reading: Reading): void {
  const { script, at } = reading;
  if (/^\d*$/.test(reading.word ?? '')) reading.word = null;
  endWord(reading);
  const here = /^<<-?[ \t]*(['"]?)([\w.-]+)\1/.exec(script.slice(at));
  if (here) {
    reading.awaited.push({ delimiter: here[2] ?? '', command: reading.current });
    reading.at += here[0].length;
    return;
  }
  const [operator = ''] = /^(?:&>>?|>>?\|?&?|<<<|<&?)[ \t]*/.exec(script.slice(at)) ?? [];
  reading.at += Math.max(operator.length, 1);
  if (!operator.startsWith('<')) reading.word = '>';
}

function readHereDocuments(reading: Reading): void {
  for (const { delimiter, command } of reading.awaited.splice(0)) {
    const rest = reading.script.slice(reading.at);
    const end = new RegExp(`^\\t*${delimiter.replaceAll('.', '\\.')}$`, 'm').exec(rest);
    command.input += rest.slice(0, end?.index);
    reading.at += end ? end.index + end[0].length : rest.length;
    // The list holds copies of what was ended.
    const listed = reading.commands.find(({ words }) => words === command.words);
    if (listed) listed.input = command.input;
  }
}

function readOperator(reading: Reading): void {
  const { script, at } = reading;
  const sign = script[at];
  const double = script[at + 1] === sign && sign !== '\n' && sign !== '(' && sign !== ')';
  endCommand(reading, sign === '|' && !double);
  reading.at += double || script.startsWith('|&', at) ? 2 : 1;
  if (sign === '\n') readHereDocuments(reading);
}

function readNext(reading: Reading): void {
  const { script, at, word } = reading;
  const sign = script[at] ?? '';
  if (readSubstitution(reading)) return;
  if (sign === "'") readSingle(reading);
  else if (sign === '"') readDouble(reading);
  else if (sign === '>' || sign === '<' || script.startsWith('&>', at)) readRedirection(reading);
  else if (OPERATOR.test(sign)) readOperator(reading);
  else if (sign === '#' && word === null) reading.at = script.indexOf('\n', at) < 0 ? script.length : script.indexOf('\n', at);
  else if (/\s/.test(sign)) {
    endWord(reading);
    reading.at += 1;
  } else {
    const escaped = sign === '\\';
    if (!(escaped && script[at + 1] === '\n')) reading.word = (word ?? '') + (escaped ? (script[at + 1] ?? '') : sign);
    reading.at += escaped ? 2 : 1;
  }
}

function read(script: string, depth: number): ShellCommand[] {
  const reading: Reading = { script, at: 0, commands: [], current: blank(), word: null, awaited: [], depth };
  while (reading.at < script.length) readNext(reading);
  endCommand(reading);
  return reading.commands;
}

/** Before the program: words of the shell's own, and programs that run another one with the words behind them. */
const PREFIX = /^(?:[A-Za-z_]\w*\+?=.*|[{}!]|if|then|else|elif|while|until|do|sudo|time|nohup|exec|command|builtin|xargs)$/s;
const SHELL = /^(?:ba|da|z|k)?sh$/;

/** `sudo -E A=1 curl x` is `curl x`; `env` that only sets the stage for a program is that program. */
function program(words: readonly string[]): string[] {
  const first = words.findIndex((word) => !PREFIX.test(word));
  const rest = first < 0 ? [] : words.slice(first);
  const [name = ''] = rest;
  if (first > 0 && name.startsWith('-')) return program(rest.slice(1));
  if (name === 'timeout') return program(rest.slice(rest.findIndex((word, index) => index > 0 && /^\d/.test(word)) + 1));
  if (name !== 'env') return [name.replace(/^.*\//, ''), ...rest.slice(1)];
  const run = rest.findIndex((word, index) => index > 0 && !word.startsWith('-') && !word.startsWith('>') && !PREFIX.test(word));
  return run < 0 ? rest : program(rest.slice(run));
}

/** The commands of a script in their order, those of scripts inside it too (`sh -c`, here-documents of a shell, substitutions). */
export function shellCommands(script: string, depth = 0): ShellCommand[] {
  return read(script, depth).flatMap((command) => {
    const words = program(command.words);
    const [name = '', ...args] = words;
    if (!SHELL.test(name) || depth >= DEPTH) return name === '' ? [] : [{ ...command, words }];
    const flag = args.findIndex((arg) => /^-[a-z]*c$/.test(arg));
    return [{ ...command, words, input: '' }, ...shellCommands(flag < 0 ? command.input : (args[flag + 1] ?? ''), depth + 1)];
  });
}
