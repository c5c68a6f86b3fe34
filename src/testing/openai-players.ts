import { callTool, callTools, textOf, type Answer, type ChatRequest, type ToolCallAnswer } from './openai-answers.ts';

interface Finding {
  path: string | null;
  line: number | null;
  severity: string;
  message: string;
}

interface ReviewComment {
  path: string;
  line: number;
  body: string;
  suggestion?: string;
}

export interface QaVerdict {
  passed: boolean;
  summary?: string;
  findings?: Finding[];
}

export interface ReviewVerdict {
  decision: 'approve' | 'request_changes' | 'comment';
  summary?: string;
  comments?: ReviewComment[];
}

export interface SimplePlayerOptions {
  /** Questions of each round; when they are used up, the issue is refined. */
  questionRounds?: string[][];
  refinedDescription?: string;
  acceptanceCriteria?: string[];
  /** Files that the developer writes, by cycle (the last one repeats): path to content, null deletes. */
  files: Record<string, string | null>[];
  /** Commands that the developer runs after writing. */
  commands?: string[];
  kind?: 'feat' | 'fix';
  title?: string;
  /** Verdicts by cycle; the last one repeats. Passed when absent. */
  qa?: QaVerdict[];
  /** Verdicts by cycle; the last one repeats. Approved when absent. */
  review?: ReviewVerdict[];
  /** What roles of the instance's own hand in, by role; each that the workflow asks needs one. */
  others?: Record<string, Record<string, unknown>>;
}

function at<T>(list: readonly T[] | undefined, index: number): T | undefined {
  return list?.[Math.min(index, list.length - 1)];
}

/** The tool that takes the result: the player goes by what it was offered. */
function submit(request: ChatRequest, result: Record<string, unknown>): Answer {
  const name = request.tools.find((tool) => tool.startsWith('submit_'));
  if (!name) throw new Error(`no tool takes a result: ${request.tools.join(', ')}`);
  return callTool(name, result);
}

function calls(request: ChatRequest): { name: string; args: string }[] {
  return request.messages.flatMap((message) => message.tool_calls ?? []).map((call) => ({ name: call.function.name, args: call.function.arguments }));
}

function submissions(request: ChatRequest): number {
  return calls(request).filter((call) => call.name.startsWith('submit_')).length;
}

/** Names the role and what it would have to hand in, in the words of the test that plays it. */
function noPart(request: ChatRequest): string {
  const tools = (request.raw['tools'] ?? []) as { function: { name: string; parameters?: { required?: string[] } } }[];
  const taking = tools.find(({ function: { name } }) => name.startsWith('submit_'))?.function;
  const fields = taking?.parameters?.required?.join(', ') ?? 'its result';
  return `The script has no answer for the role "${request.agent}". Say what it hands in: roles: { others: { ${JSON.stringify(request.agent)}: { ... } } } with ${fields}${taking ? ` (${taking.name})` : ''}.`;
}

/**
 * Plays all four roles from a script. Within a conversation it goes by the messages alone; cycles of a role in one run are
 * counted by its distinct tasks, so a task that is taken up again after a crash plays the same part again.
 */
export function simplePlayer(options: SimplePlayerOptions): (request: ChatRequest) => Answer {
  const tasks = new Map<string, string[]>();

  function cycleOf({ run, agent, task }: ChatRequest): number {
    const key = `${run} ${agent}`;
    const seen = tasks.get(key) ?? [];
    tasks.set(key, seen);
    if (!seen.includes(task)) seen.push(task);
    return seen.indexOf(task);
  }

  return function play(request) {
    const cycle = cycleOf(request);
    switch (request.agent) {
      case 'product-owner':
        return productOwner(request, options);
      case 'developer':
        return developer(request, options, cycle);
      case 'qa':
        return submit(request, { summary: 'Checked by the script.', findings: [], ...(at(options.qa, cycle) ?? { passed: true }) });
      case 'reviewer':
        return submit(request, { summary: 'Reviewed by the script.', comments: [], ...(at(options.review, cycle) ?? { decision: 'approve' }) });
      default: {
        const result = options.others?.[request.agent];
        if (result) return submit(request, result);
        throw new Error(noPart(request));
      }
    }
  };
}

function productOwner(request: ChatRequest, options: SimplePlayerOptions): Answer {
  const questions = options.questionRounds?.[submissions(request)];
  if (questions) return submit(request, { needs_clarification: true, questions, refined_description: '', acceptance_criteria: [], priority: 'medium' });
  const said = request.messages.filter((message) => message.role === 'user').map(textOf);
  return submit(request, {
    needs_clarification: false,
    questions: [],
    refined_description: options.refinedDescription ?? `Refined after ${said.length - 1} answers.`,
    acceptance_criteria: options.acceptanceCriteria ?? ['It works as described.'],
    priority: 'medium',
  });
}

function writes(files: Record<string, string | null>): ToolCallAnswer[] {
  return Object.entries(files).map(([path, content]) =>
    content === null ? { name: 'delete_file', args: { path } } : { name: 'write_file', args: { path, content } },
  );
}

function developer(request: ChatRequest, options: SimplePlayerOptions, cycle: number): Answer {
  const done = calls(request);
  const toWrite = writes(at(options.files, cycle) ?? {});
  const commands = options.commands ?? [];
  if (toWrite.length > 0 && !done.some((call) => call.name === 'write_file' || call.name === 'delete_file')) return callTools(toWrite);
  const ran = done.filter((call) => call.name === 'run_command').length;
  const next = commands[ran];
  if (next !== undefined) return callTool('run_command', { command: next });
  const title = `${options.kind ?? 'feat'}: ${options.title ?? 'do what the issue asks'}`;
  return submit(request, {
    summary: `Cycle ${cycle + 1} of the script.`,
    commit_message: `${title}\n\nCycle ${cycle + 1}.`,
    pr_title: title,
    pr_body: 'What and why: as the script says.\n\nHow it was tested: by the suite.',
  });
}
