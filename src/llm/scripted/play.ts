import { playDeveloper } from './developer.ts';
import { isDemo } from './demo.ts';
import { playProductOwner } from './product-owner.ts';
import { playQa } from './qa.ts';
import { playReviewer } from './reviewer.ts';
import { submit, type Step } from './step.ts';
import type { Transcript } from './transcript.ts';

const NO_MODEL =
  'No model provider is configured, so I can only play the demo issue. Set ANTHROPIC_API_KEY or OPENAI_API_KEY (or OPENAI_BASE_URL) and comment again.';

/** The truth, in each role's form: nothing was analysed, written, tested or reviewed. */
const HONEST: Record<string, Record<string, unknown>> = {
  submit_product_owner_result: { needs_clarification: true, questions: [NO_MODEL], refined_description: '', acceptance_criteria: [], priority: 'medium' },
  submit_developer_result: {
    summary: `Nothing was changed. ${NO_MODEL}`,
    commit_message: 'chore: change nothing\n\nNo model provider is configured.',
    pr_title: 'Nothing was changed',
    pr_body: `Nothing was changed. ${NO_MODEL}`,
  },
  submit_qa_result: { passed: false, summary: `Nothing was checked. ${NO_MODEL}`, findings: [] },
  submit_reviewer_result: { decision: 'comment', summary: `Nothing was reviewed. ${NO_MODEL}`, comments: [] },
};

const PLAYERS: Record<string, (transcript: Transcript) => Step> = {
  submit_product_owner_result: playProductOwner,
  submit_developer_result: playDeveloper,
  submit_qa_result: playQa,
  submit_reviewer_result: playReviewer,
};

/** The next step of a conversation, from the messages alone: the same messages give the same step. */
export function play(transcript: Transcript): Step {
  const name = transcript.submit;
  if (name === null) return { text: NO_MODEL, calls: [] };
  const player = PLAYERS[name];
  if (player && isDemo(transcript)) return player(transcript);
  return submit(transcript, HONEST[name] ?? { summary: NO_MODEL });
}
