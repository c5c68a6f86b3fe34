import type { Answer, ChatRequest } from '../../src/testing/openai-server.ts';
import { textOf } from '../../src/testing/openai-answers.ts';
import { callTool } from '../../src/testing/openai-server.ts';

/** A repository without a suite: what is tested here is the engine, and a suite costs a second a time. */
export const PLAIN: Record<string, string> = { 'greeting.txt': 'Hello.\n', 'notes/old.txt': 'An old note.\n' };

export const DEVELOPED = {
  summary: 'The greeting is friendlier.',
  commit_message: 'feat: greet more warmly\n\nPeople asked for it.',
  pr_title: 'feat: greet more warmly',
  pr_body: 'What and why: as asked.\n\nHow it was tested: by reading.',
};

export const SUBMIT_DEVELOPER: Answer = callTool('submit_developer_result', DEVELOPED);
export const WRITE_GREETING: Answer = callTool('write_file', { path: 'greeting.txt', content: 'Hello, and welcome.\n' });

const OTHERS: Record<string, Answer> = {
  'product-owner': callTool('submit_product_owner_result', {
    needs_clarification: false,
    questions: [],
    refined_description: 'Greet more warmly.',
    acceptance_criteria: ['The greeting welcomes.'],
    priority: 'medium',
  }),
  qa: callTool('submit_qa_result', { passed: true, summary: 'It holds.', findings: [] }),
  reviewer: callTool('submit_reviewer_result', { decision: 'approve', summary: 'Good.', comments: [] }),
};

type Step = Answer | ((request: ChatRequest) => Answer | Promise<Answer>);

/**
 * Plays the developer step by step, by how often it was asked; the last step repeats. The other roles are content.
 * Counted by requests and not by messages: what the model answers may be in the transcript or lost.
 */
export function developerSteps(...steps: Step[]): (request: ChatRequest) => Answer | Promise<Answer> {
  let asked = 0;
  return (request) => {
    const other = OTHERS[request.agent];
    if (other) return other;
    const step = steps[Math.min(asked, steps.length - 1)];
    asked += 1;
    if (step === undefined) throw new Error('no step is left');
    return typeof step === 'function' ? step(request) : step;
  };
}

/** Plays one role by what the conversation shows, and lets the others be content. */
export function inRole(role: string, play: (request: ChatRequest) => Answer | Promise<Answer>): (request: ChatRequest) => Answer | Promise<Answer> {
  return (request) => {
    const other = OTHERS[request.agent];
    return request.agent !== role && other ? other : request.agent === role ? play(request) : content(request);
  };
}

/** Writes the greeting, then hands in; by the conversation alone, so that it may be broken off anywhere. */
export function content(request: ChatRequest): Answer {
  const other = OTHERS[request.agent];
  if (other) return other;
  return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
}

export function toolsCalled(request: ChatRequest): string[] {
  return request.messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function.name);
}

/** All that a request said, in one text. */
export function saidTo(request: ChatRequest | undefined): string {
  return (request?.messages ?? []).map(textOf).join('\n');
}
