import { withoutLineNumbers } from './evidence.ts';
import { submit, use, type Step } from './step.ts';
import { resultOf, type Transcript } from './transcript.ts';

const FILE = { path: 'src/discount.js' };
/** The line that the comment is about, as the script's developer writes it. */
const SUBJECT = '@param {string} code';
const SUGGESTION = ' * @param {string} code as the customer typed it: case and spaces around it do not matter';

/** Reads the new file and comments on one of its lines; in a new file every line is part of the diff. */
export function playReviewer(transcript: Transcript): Step {
  const look = use(transcript, 'I read the new module line by line.', [{ name: 'read_file', args: FILE }]);
  if (look.calls.some((call) => resultOf(transcript, call.name, call.args) === null)) return look;
  const lines = withoutLineNumbers(resultOf(transcript, 'read_file', FILE) ?? '').split('\n');
  const at = lines.findIndex((line) => line.includes(SUBJECT) && line.trimEnd() !== SUGGESTION);
  const comments =
    at === -1
      ? []
      : [
          {
            path: FILE.path,
            line: at + 1,
            body: 'Worth saying here what callers may rely on, they would have to read the body otherwise.',
            suggestion: SUGGESTION,
          },
        ];
  return submit(transcript, {
    decision: 'approve',
    summary:
      'The calculation is pure and never goes below zero; the cart only adds it to its total. Tests are beside each criterion. Nothing has to change before a merge.',
    comments,
  });
}
