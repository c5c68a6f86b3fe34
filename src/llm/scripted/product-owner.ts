import { ASSUMED, criteriaOf, type Decisions } from './demo.ts';
import { submit, use, type Step } from './step.ts';
import { resultOf, type Transcript } from './transcript.ts';

const QUESTIONS = [
  'Does a code take off a percentage, a fixed amount, or should both kinds exist? (Otherwise: a percentage.)',
  'May several codes be combined in one cart? (Otherwise: no, one code counts.)',
  'Do codes expire? (Otherwise: yes, each has a last day on which it counts.)',
];

const NO = /\b(?:no|not|never|neither|without|don'?t|one(?: code)?(?: only)?|only one|single)\b/i;

/** The part of an answer that speaks about a topic: its numbered line, else the sentences that name it. */
function about(answers: string, number: number, topic: RegExp): string {
  const numbered = answers.split('\n').filter((line) => new RegExp(`^\\s*${number}[.):]`).test(line));
  if (numbered.length > 0) return numbered.join(' ').replace(/^\s*\d+[.):]\s*/, '');
  return answers
    .split(/[.;,\n]+/)
    .filter((sentence) => topic.test(sentence))
    .join('. ');
}

/** What people answered; what they left open is taken as assumed in the question. */
function understand(answers: string): Decisions {
  const kind = about(answers, 1, /percent|%|fixed|amount|both/i);
  const combine = about(answers, 2, /combin|stack|several|one code/i);
  const expiry = about(answers, 3, /expir|last day|valid|date/i);
  const fixed = /\bboth\b|fixed|amount/i.test(kind) && !/\b(?:no|not|never) (?:a )?fixed/i.test(kind);
  return {
    percent: !fixed || /\bboth\b|percent|%/i.test(kind),
    fixed,
    combine: combine === '' ? ASSUMED.combine : !NO.test(combine),
    expiry: expiry === '' ? ASSUMED.expiry : !NO.test(expiry),
  };
}

function kinds({ percent, fixed }: Decisions): string {
  if (percent && fixed) return 'a percentage or a fixed amount';
  return fixed ? 'a fixed amount' : 'a percentage';
}

function refined(decisions: Decisions): string {
  return `Customers can enter a discount code, and the cart's total goes down accordingly.

- A code takes off ${kinds(decisions)}.
- ${decisions.combine ? 'Several codes may be combined.' : 'One code counts at a time.'}
- ${decisions.expiry ? 'Each code has a last day on which it counts.' : 'Codes do not expire.'}

The total without a code stays exactly as it is. Entering codes in a user interface and storing them are not part of this.`;
}

/** Looks at the code, asks three questions, and refines the issue from the answers. */
export function playProductOwner(transcript: Transcript): Step {
  const asked = transcript.exchanges.some((exchange) => exchange.name === transcript.submit);
  if (asked && transcript.later.length > 0) {
    const decisions = understand(transcript.later.join('\n'));
    return submit(transcript, {
      needs_clarification: false,
      questions: [],
      refined_description: refined(decisions),
      acceptance_criteria: criteriaOf(decisions),
      priority: 'medium',
    });
  }
  const look = use(transcript, 'First I look at what the cart does today.', [
    { name: 'list_files', args: {} },
    { name: 'read_file', args: { path: 'src/cart.js' } },
  ]);
  if (look.calls.some((call) => resultOf(transcript, call.name, call.args) === null)) return look;
  return submit(transcript, { needs_clarification: true, questions: QUESTIONS, refined_description: '', acceptance_criteria: [], priority: 'medium' });
}
