import type { Decisions } from './demo.ts';

export interface Edit {
  old_string: string;
  new_string: string;
}

/** How the cart is changed, found out from the cart's own source. */
export interface CartChange {
  /** Empty where the cart has the function already. */
  edits: Edit[];
  /** True where the cart counts in whole cents. */
  cents: boolean;
  /** Name of what gives the total today, and of what gives it with a discount. */
  total: string;
  discounted: string;
  /** A method of a class, a getter of one, or a function that takes the cart. */
  form: 'function' | 'method' | 'getter';
}

interface Found {
  at: number;
  name: string;
  form: CartChange['form'];
  /** How the total is asked for inside the source. */
  ask: string;
  indent: string;
}

const FUNCTION = /^export function (\w*total)\((\w+)/i;
const METHOD = /^( +)(get )?(\w*total)\(\) \{$/i;

function find(lines: string[]): Found | null {
  for (const [at, line] of lines.entries()) {
    const [, name, cart] = FUNCTION.exec(line) ?? [];
    if (name && cart) return { at, name, form: 'function', ask: `${name}(${cart})`, indent: '' };
    const [, indent, getter, method] = METHOD.exec(line) ?? [];
    if (indent && method) return { at, name: method, form: getter ? 'getter' : 'method', ask: `this.${method}${getter ? '' : '()'}`, indent };
  }
  return null;
}

function documentation({ expiry, combine }: Decisions): string[] {
  return [
    '/**',
    ` * What is to be paid with ${combine ? 'discount codes' : 'a discount code'} applied; the plain total stays as it is.`,
    combine ? ' * @param {string[]} codes each takes its part off what is left' : ' * @param {string} code',
    " * @param {import('./discount.js').Discount[]} discounts those that exist",
    ...(expiry ? [' * @param {string} today YYYY-MM-DD'] : []),
    ' */',
  ];
}

function body({ expiry, combine }: Decisions, ask: string): string[] {
  const today = expiry ? ', today' : '';
  if (combine) return [`  return codes.reduce((left, code) => left - reductionOf(left, findDiscount(discounts, code)${today}), ${ask});`];
  return [`  const before = ${ask};`, `  return before - reductionOf(before, findDiscount(discounts, code)${today});`];
}

function signature(found: Found, discounted: string, { expiry, combine }: Decisions): string {
  const cart = found.form === 'function' ? [/\((\w+)\)$/.exec(found.ask)?.[1] ?? 'cart'] : [];
  const parameters = [...cart, combine ? 'codes' : 'code', 'discounts', ...(expiry ? ['today'] : [])].join(', ');
  return `${found.form === 'function' ? 'export function ' : ''}${discounted}(${parameters}) {`;
}

/** After the whole existing function, which is there once because its head is. */
function addition(lines: string[], found: Found, added: string[]): Edit {
  const end = lines.findIndex((line, index) => index > found.at && line === `${found.indent}}`);
  const existing = lines.slice(found.at, end + 1).join('\n');
  return { old_string: existing, new_string: `${existing}\n\n${added.map((line) => found.indent + line).join('\n')}` };
}

/** Before the first line; with a piece of the second one where the first alone could stand there twice. */
function importEdit(lines: string[]): Edit {
  const first = lines.slice(0, 2).join('\n');
  const gap = first.startsWith('import ') ? '\n' : '\n\n';
  return { old_string: first, new_string: `import { findDiscount, reductionOf } from './discount.js';${gap}${first}` };
}

/** Null where the source is not a cart that the script understands: something exported that gives a total. */
export function cartChange(source: string, decisions: Decisions): CartChange | null {
  const lines = source.split('\n');
  const found = find(lines);
  if (!found) return null;
  const discounted = `${found.name}WithDiscount`;
  const added = [...documentation(decisions), signature(found, discounted, decisions), ...body(decisions, found.ask), '}'];
  return {
    edits: source.includes(`${discounted}(`) ? [] : [addition(lines, found, added), importEdit(lines)],
    cents: /\bcents?\b/i.test(source),
    total: found.name,
    discounted,
    form: found.form,
  };
}
