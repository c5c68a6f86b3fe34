import { failed } from './evidence.ts';
import { submit, use, type Step } from './step.ts';
import { resultOf, type Transcript } from './transcript.ts';

const RUN = { command: 'npm test' };

/** Runs the suite, reads the new file, and gives the verdict that the run gives. */
export function playQa(transcript: Transcript): Step {
  const look = use(transcript, 'I run the suite and read the new code against the criteria.', [
    { name: 'run_command', args: RUN },
    { name: 'read_file', args: { path: 'src/discount.js' } },
  ]);
  if (look.calls.some((call) => resultOf(transcript, call.name, call.args) === null)) return look;
  const verdict = failed(resultOf(transcript, 'run_command', RUN) ?? '');
  if (verdict === true) {
    return submit(transcript, {
      passed: false,
      summary: 'The suite fails on the head of the pull request.',
      findings: [{ path: null, line: null, severity: 'error', message: '`npm test` fails; its output says where. Every test must pass.' }],
    });
  }
  const ran = verdict === false ? 'I ran `npm test` on the head and it passed.' : 'The results that were given for the head and the base show no failure.';
  return submit(transcript, {
    passed: true,
    summary: `${ran} The new tests cover an unknown code, the last day of a code, a code after its last day, and the floor at zero. I found nothing that contradicts a criterion.`,
    findings: [],
  });
}
