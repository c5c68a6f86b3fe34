import { failed, suiteInBrief } from './evidence.ts';
import { submit, use, type PlannedCall, type Step } from './step.ts';
import { resultOf, type Transcript } from './transcript.ts';

const RUN: PlannedCall = { name: 'run_command', args: { command: 'npm test' } };
const READ: PlannedCall = { name: 'read_file', args: { path: 'src/discount.js' } };

/** Reads the new file, takes the suite's result from the brief (runs it where the brief has none), and gives the verdict that it gives. */
export function playQa(transcript: Transcript): Step {
  const given = suiteInBrief(transcript.opening);
  const look = use(transcript, 'I read the new code against the criteria.', given === null ? [READ, RUN] : [READ]);
  if (look.calls.some((call) => resultOf(transcript, call.name, call.args) === null)) return look;
  const broken = given === null ? failed(resultOf(transcript, RUN.name, RUN.args) ?? '') : !given;
  if (broken === true) {
    return submit(transcript, {
      passed: false,
      summary: 'The suite does not pass on the head of the pull request.',
      findings: [{ path: null, line: null, severity: 'error', message: '`npm test` does not pass; its output says where. Every test must pass.' }],
    });
  }
  if (broken === null) {
    return submit(transcript, {
      passed: false,
      summary: 'No result of the suite was given, and running it gave none, so the change is not shown to work.',
      findings: [],
    });
  }
  return submit(transcript, {
    passed: true,
    summary:
      'The suite passes on the head. I read src/discount.js against the criteria: an unknown code is refused by name, the reduction ends at the total, and each criterion has a test. I found nothing that contradicts one.',
    findings: [],
  });
}
