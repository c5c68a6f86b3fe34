import { shellCommands } from './shell-commands.ts';
import type { ShellCommand } from './shell-commands.ts';

/*
 * What of a command is an attempt at secrets or at the network. By its programs and their arguments, not by words that stand somewhere in it:
 * whoever works on a login writes "token" and "env" all day.
 */

/** Where keys are, and what a sandbox knows of itself. */
const SECRET_PLACE =
  /\/proc\/(?:self|\d+|\$\$|\*)\/environ|(?:~|\$\{?HOME\}?|\/root|\/home\/[\w.-]+)\/\.(?:ssh|aws|netrc|docker|kube|gnupg|config\/gh)\b|\/etc\/(?:shadow|sudoers)\b|169\.254\.169\.254|metadata\.google\.internal/i;
const SECRET_NAME = /secret|token|passw|api.?key|credential|private.?key/i;
/** Code that prints the whole environment. */
const PRINTING_CODE =
  /(?:JSON\.stringify|console\.(?:log|error|dir|table))\(\s*process\.env\s*[,)]|\b(?:print|dict|json\.dumps)\((?:dict\()?\s*os\.environ\s*\)?\)|\bENV\.(?:to_h|inspect)\b/;
const INTERPRETER = /^(?:node|deno|bun|tsx|ts-node|npx|python[\d.]*|ruby|perl|php)$/;
const SEARCH = new Set(['grep', 'egrep', 'fgrep', 'rg', 'ag', 'ack']);
/** They show or keep the words that they are given, and open nothing. */
const TALK = new Set(['echo', 'printf', ':', 'true', 'false']);
const FILTER = new Set([...SEARCH, 'awk', 'sed', 'jq']);
const NETWORK = new Set(['curl', 'wget', 'nc', 'ncat', 'telnet', 'ssh', 'scp', 'sftp', 'ftp']);
const LOCAL = /\b(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0)\b|\[?::1\]?|--(?:version|help)\b|(?:^|\s)-V\b/i;

function isSearch([name = '', first = '']: readonly string[]): boolean {
  return SEARCH.has(name) || (name === 'git' && first === 'grep');
}

/** What a search is about is no place that it opens. */
function opened({ words }: ShellCommand): readonly string[] {
  const [name = '', ...args] = words;
  if (TALK.has(name) || (name === 'git' && !isSearch(words))) return [];
  if (!isSearch(words)) return args;
  const given = name === 'git' ? args.slice(1) : args;
  const named = given.findIndex((arg) => /^(?:-\w*e|--regexp)$/.test(arg));
  const pattern = named < 0 ? given.findIndex((arg) => !arg.startsWith('-')) : named + 1;
  return given.filter((arg, index) => index !== pattern && !arg.startsWith('-'));
}

function printsEnvironment({ words }: ShellCommand): boolean {
  const [name = '', ...all] = words;
  const args = all.filter((arg) => !arg.startsWith('>'));
  if (name === 'env') return args.every((arg) => arg === '-0' || arg === '--null');
  if (name === 'printenv' || name === 'set') return args.every((arg) => arg === '-0');
  return (name === 'export' && args.every((arg) => arg === '-p')) || (name === 'declare' && args.join(' ') === '-x');
}

/** The commands to which the output of this one goes, in their order. */
function behind(commands: readonly ShellCommand[], index: number): readonly ShellCommand[] {
  const end = commands.findIndex(({ piped }, at) => at >= index && !piped);
  return commands.slice(index + 1, end < 0 ? commands.length : end + 1);
}

function environmentWeight(readers: readonly ShellCommand[]): number {
  // What takes lines out shows the rest.
  const filters = readers.filter(({ words }) => FILTER.has(words[0] ?? '') && !words.some((word) => /^-\w*v\w*$|^--invert-match$/.test(word)));
  if (filters.some(({ words }) => words.slice(1).some((word) => SECRET_NAME.test(word)))) return 2;
  return filters.some(({ words }) => isSearch(words)) ? 0 : 1;
}

function weightOf(command: ShellCommand, readers: readonly ShellCommand[]): number {
  const [name = ''] = command.words;
  // A document that is written may speak of anything.
  const code = INTERPRETER.test(name) ? [...command.words, command.input] : [];
  if ([...opened(command), ...code].some((text) => SECRET_PLACE.test(text))) return 2;
  if (printsEnvironment(command)) return environmentWeight(readers);
  return code.some((text) => PRINTING_CODE.test(text)) ? 1 : 0;
}

/** 0: nothing; 1: may be a slip; 2: what no task asks for. One variable, or one that is set for a command, is everyday work. */
export function secretsWeight(script: string): number {
  const commands = shellCommands(script);
  return Math.max(0, ...commands.map((command, index) => weightOf(command, behind(commands, index))));
}

/** The same of a path that is read. */
export function isSecretPlace(path: string): boolean {
  return SECRET_PLACE.test(path);
}

const CODE_SPAN = /`+([^`\n]+)`+/g;
const LINE_PREFIX = /^[\s>*+$%-]*(?:\d+[.)]\s+)?/;

/** A text of people that asks for them: a place, or a command on a line of its own or marked as code. */
export function asksForSecrets(text: string): boolean {
  if (SECRET_PLACE.test(text)) return true;
  const lines = text.split('\n').map((line) => line.replace(LINE_PREFIX, ''));
  const spans = [...text.matchAll(CODE_SPAN)].map(([, code = '']) => code);
  return [...lines, ...spans].some((script) => secretsWeight(script) > 0);
}

/** A command that wants out of the sandbox. */
export function reachesOut(script: string): boolean {
  return shellCommands(script).some(({ words }) => NETWORK.has(words[0] ?? '') && words.length > 1 && !LOCAL.test(words.slice(1).join(' ')));
}
