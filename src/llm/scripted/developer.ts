import { cartChange } from './cart-change.ts';
import { cartTests } from './cart-tests.ts';
import { decisionsOf } from './demo.ts';
import { discountModule, discountTests } from './discount-code.ts';
import { failed, withoutLineNumbers } from './evidence.ts';
import { submit, use, type PlannedCall, type Step } from './step.ts';
import { resultOf, type Transcript } from './transcript.ts';

const CART = { path: 'src/cart.js' };
const TESTS = { path: 'test/cart.test.js' };
const RUN = { command: 'npm test' };

function pending(transcript: Transcript, calls: PlannedCall[]): boolean {
  return calls.some((call) => transcript.tools.includes(call.name) && resultOf(transcript, call.name, call.args) === null);
}

function handIn(transcript: Transcript, touchesCart: boolean): Step {
  const verdict = failed(resultOf(transcript, 'run_command', RUN) ?? '');
  const ran =
    verdict === null
      ? '`npm test` was run; its output does not say plainly whether it passed.'
      : `\`npm test\` ${verdict ? 'FAILED, see the check.' : 'passed.'}`;
  const cart = touchesCart ? ' and the cart has a total with a discount code applied' : '; the cart was not recognised and is left as it is';
  return submit(transcript, {
    summary: `Discount codes have a module of their own${cart}. ${ran}`,
    commit_message:
      'feat: add discount codes to the cart\n\nCustomers with a code pay less. The calculation is a module of its own, so that\nit can be tested without a cart.',
    pr_title: 'feat: add discount codes to the cart',
    pr_body: `## What and why
\`src/discount.js\` finds a code and calculates what it takes off${cart}. The total without a code is unchanged.

## How it was tested
\`test/discount.test.js\` has a test for every acceptance criterion. ${ran}

## Risks
Codes are given by the caller; where they are stored is not part of this change.`,
  });
}

/** Reads the cart, writes the module, its tests and the cart's part, runs the suite, hands in. */
export function playDeveloper(transcript: Transcript): Step {
  const look: PlannedCall[] = [
    { name: 'list_files', args: {} },
    { name: 'read_file', args: CART },
    { name: 'read_file', args: TESTS },
  ];
  if (pending(transcript, look)) return use(transcript, 'I look at the cart and its surroundings first.', look);
  const decisions = decisionsOf(transcript.opening);
  const change = cartChange(withoutLineNumbers(resultOf(transcript, 'read_file', CART) ?? ''), decisions);
  const tests = change && cartTests(withoutLineNumbers(resultOf(transcript, 'read_file', TESTS) ?? ''), change, decisions);
  const cents = change?.cents ?? false;
  const write: PlannedCall[] = [
    { name: 'write_file', args: { path: 'src/discount.js', content: discountModule(decisions, cents) } },
    { name: 'write_file', args: { path: 'test/discount.test.js', content: discountTests(decisions, cents, tests) } },
    ...(change?.edits ?? []).map((edit) => ({ name: 'edit_file', args: { path: CART.path, ...edit } })),
  ];
  if (pending(transcript, write)) return use(transcript, 'The calculation goes into a module of its own, with tests; the cart only uses it.', write);
  if (pending(transcript, [{ name: 'run_command', args: RUN }])) return use(transcript, 'Now the whole suite.', [{ name: 'run_command', args: RUN }]);
  return handIn(transcript, change !== null);
}
