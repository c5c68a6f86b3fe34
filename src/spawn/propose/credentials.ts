import { isPlaceholder } from '../../kernel/redact.ts';

const SECRET_NAME = String.raw`[\w-]{0,64}(?:password|passwd|passphrase|passcode|pass|pwd|secret|token|credential|(?:api|access|private|signing|encryption)[-_]?key)s?`;
/** Between a name and its value in code: `:`, `=`, `: string =`, `??=`, `= process.env.X ??`. */
const IS = String.raw`["']?\]?\s{0,8}(?:[:=]|\?\?=?|\|\|=?)\s{0,8}(?:[\w.]{1,60}(?:\[["'][\w-]{1,60}["']\])?\s{0,4}(?:\?\?|\|\||=)\s{0,4})?`;
/** `password: 'x'`, `"token": "x"`, `secret = process.env.SECRET ?? 'x'`. */
const QUOTED = new RegExp(String.raw`(${SECRET_NAME})${IS}(["'\`])([^"'\`\n]{6,256})\2`, 'gi');
/** As in YAML, and in a file of variables. */
const BARE = new RegExp(String.raw`(${SECRET_NAME})\s{0,8}[:=]\s{0,8}([^\s"'\`(){}\[\]<>$,;]{8,256})(?=$|[\s,;])`, 'gim');
/** What a client is given on its line. */
const OPTION = [
  /--(?:password|passwd|pass|token|secret|api-key)[= ]["']?([^\s"'`$<>(){}]{6,256})/g,
  /\b(?:mysql(?:dump|admin|import)?|mariadb(?:-dump)?)\b[^\n|;&]{0,200}?\s-p["']?([^\s"'`$<>(){}]{4,256})/g,
  /\bsshpass\s{1,4}-p\s{0,4}["']?([^\s"'`$<>(){}]{4,256})/g,
  /\bredis-cli\b[^\n|;&]{0,200}?\s-a\s{1,4}["']?([^\s"'`$<>(){}]{4,256})/g,
  /\bcurl\b[^\n|;&]{0,200}?\s(?:-u|--user)[= ]{1,4}["']?[^\s:"'`$]{1,64}:([^\s"'`$<>(){}]{4,256})/g,
];

const RANDOM = String.raw`([A-Fa-f0-9]{32,256}|[A-Za-z0-9+/_-]{32,256}={0,2})`;
/** Long and random, where it stands for a variable that is not set, in a header, or under the name of a key. */
const UNNAMED = [
  new RegExp(String.raw`(?:\?\?=?|\|\|=?)\s{0,8}(["'\`])${RANDOM}\1`, 'g'),
  new RegExp(String.raw`(["'\`])[A-Za-z][\w-]{0,60}:\s{0,4}(?:\w{3,10}\s)?${RANDOM}\1`, 'g'),
  new RegExp(
    String.raw`(?<![A-Za-z0-9])(?:[\w-]{1,60}[-_])?(?:key|auth|authorization|signature|salt|seed|bearer)["']?\]?\s{0,8}[:=]\s{0,8}(["'\`])${RANDOM}\1`,
    'gi',
  ),
  new RegExp(String.raw`(?<![A-Za-z0-9])(?:[\w-]{1,60}[-_])?(?:key|salt|seed)\s{0,4}[:=]\s{0,4}()([A-Fa-f0-9]{32,256})(?!\w)`, 'gi'),
];
const LEAST_LETTERS = 8;

const CODE = /\.[cm]?[jt]sx?$/;
/** Files of values; in prose a colon follows any word. */
const DATA = /\.(?:ya?ml|json[c5]?|toml|ini|env|conf|cfg|properties)$|(?:^|\/)\.env[\w.]*$/i;
/** The name of a variable of the environment. */
const VARIABLE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;
/** What says itself that it is none. */
const NO_VALUE =
  /\{\{|process\.env|\b(?:example|changeme|change-me|dummy|fake|placeholder|redacted|not-a-real)\b|^(?:required|optional|disabled|enabled|generated|inherited|root)$/i;
/** Only a phrase to be remembered has spaces. */
const IS_PHRASE = /(?:password|passwd|passphrase|pwd)s?$/i;
const IS_PASSWORD = /(?:password|passwd|passphrase|passcode|pass|pwd)s?$/i;

/** `pass` is a word of tests and tools, and the end of others: a mailer's `pass`, `DB_PASS`, `dbPass` and `PGPASS` are meant. */
function isSecretName(name: string, value: string): boolean {
  if (!/pass(?:es)?$/i.test(name)) return !/passs$/i.test(name);
  if (/(?:^|[_-])pass$/i.test(name)) return name === name.toUpperCase() || /[\d\W_]/.test(value);
  return /[a-z0-9]Pass$|^(?:pg|db|my|smtp|mail|ftp|root|admin|user|redis|mysql)pass$/i.test(name) && !/(?:by|com|sur|tres|over|under|en|im)pass$/i.test(name);
}

function isValue(name: string, value: string): boolean {
  if (!isSecretName(name, value) || isNoSecret(value)) return false;
  return !/\s/.test(value) || IS_PHRASE.test(name);
}

function isNoSecret(value: string): boolean {
  return isPlaceholder(value) || VARIABLE.test(value) || NO_VALUE.test(value);
}

function isRandom(value: string): boolean {
  if (new Set(value).size < LEAST_LETTERS || isNoSecret(value)) return false;
  return /^[A-Fa-f0-9]+$/.test(value) || (/\d/.test(value) && /[a-z]/.test(value) && /[A-Z]/.test(value));
}

/** Values that their name or place gives away, whatever form they have: stricter than what is taken out of a log, because it is about to be published. */
export function namedCredentials(path: string, text: string): { kind: string; index: number }[] {
  const quoted = [...text.matchAll(QUOTED)].filter(({ 1: name = '', 3: value = '' }) => isValue(name, value));
  const bare = CODE.test(path)
    ? []
    : [...text.matchAll(BARE)].filter(
        ({ 1: name = '', 2: value = '' }) => isValue(name, value) && (/\d/.test(value) || (DATA.test(path) && IS_PASSWORD.test(name))),
      );
  const options = OPTION.flatMap((pattern) => [...text.matchAll(pattern)].filter(({ 1: value = '' }) => !isNoSecret(value)));
  const unnamed = UNNAMED.flatMap((pattern) => [...text.matchAll(pattern)].filter(({ 2: value = '' }) => isRandom(value)));
  return [...quoted, ...bare, ...options, ...unnamed].map(({ index, 0: whole }) => ({
    kind: 'value of a secret name',
    index: index + (/\S/.exec(whole)?.index ?? 0),
  }));
}
