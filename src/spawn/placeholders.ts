import { BanyanError } from '../kernel/errors.ts';

/** `{{name}}`, `{{json:name}}` for a string literal of JSON or TypeScript, `{{version:package}}`. `${{ ... }}` is GitHub's own and stays. */
const PLACEHOLDER = /(?<!\$)\{\{(.*?)\}\}/g;
const KNOWN_FORM = /^(?:(json|version):)?([@a-zA-Z][\w@/.-]*)$/;

export interface Values {
  /** By the name of the placeholder. */
  words: Record<string, string>;
  /** Exact versions by package. */
  packages: Record<string, string>;
}

function lookUp(inner: string, { words, packages }: Values): string | undefined {
  const [, kind, name = ''] = KNOWN_FORM.exec(inner.trim()) ?? [];
  const source = kind === 'version' ? packages : words;
  const value = Object.hasOwn(source, name) ? source[name] : undefined;
  return value !== undefined && kind === 'json' ? literal(value) : value;
}

/** Valid in JSON, in TypeScript, and inside a comment of either: what could end one is written as an escape. */
function literal(value: string): string {
  return JSON.stringify(value)
    .replaceAll('*/', String.raw`*\/`)
    .replaceAll('</', String.raw`<\/`);
}

/**
 * Puts values into a text. There is no logic: what depends on answers is computed before.
 * @throws BanyanError `config_invalid` naming file and line of a placeholder that has no value
 */
export function fillIn(text: string, origin: string, values: Values): string {
  return text.replaceAll(PLACEHOLDER, (whole: string, inner: string, at: number) => {
    const value = lookUp(inner, values);
    if (value !== undefined) return value;
    const line = text.slice(0, at).split('\n').length;
    throw new BanyanError('config_invalid', `${origin}:${line}: nothing is known for the placeholder ${whole}.`, {
      fix: `Use one of ${Object.keys(values.words).join(', ')}, or version:<package of the mother>.`,
      data: { path: origin, line },
    });
  });
}

/** A placeholder as it stands in a text, and what is put in its place. */
export interface Token {
  token: string;
  value: string;
}

/** The placeholders of a text that have a value. */
export function tokensIn(text: string, values: Values): Token[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([token, inner = '']) => {
    const value = lookUp(inner, values);
    return value === undefined ? [] : [{ token, value }];
  });
}
