/** A message of a chat-completions request. */
export interface ChatMessage {
  role: string;
  content: unknown;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export interface ChatRequest {
  agent: string;
  task: string;
  messages: ChatMessage[];
  /** Names of the tools that were offered. */
  tools: string[];
}

export interface ToolCall {
  name: string;
  /** A string goes out as it is. */
  args: Record<string, unknown> | string;
}

export interface Said {
  text: string;
  calls: ToolCall[];
}

export type Files = Record<string, string>;

/** How the models play one issue. What a role does in each round is taken from its list; the last entry repeats. */
export interface Script {
  /** Questions of the Product Owner's first round. */
  questions?: string[];
  files: [Files, ...Files[]];
  review?: ('approve' | 'request_changes')[];
  /** This role never hands in anything: it looks around for ever. */
  endless?: string;
  /** This role hands in what cannot be accepted, for ever. */
  wrong?: string;
}

const READS: ToolCall = { name: 'list_files', args: {} };

export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('') : '';
}

/** Calls of one tool that were answered, with their answers. */
function answered({ messages }: ChatRequest, wanted: (name: string) => boolean): string[] {
  const calls = messages.flatMap((message) => message.tool_calls ?? []).filter((call) => wanted(call.function.name));
  const ids = new Set(calls.map((call) => call.id));
  return messages.filter((message) => message.role === 'tool' && ids.has(message.tool_call_id ?? '')).map((message) => textOf(message.content));
}

function submit(request: ChatRequest, args: Record<string, unknown>): Said {
  const name = request.tools.find((tool) => tool.startsWith('submit_'));
  return { text: '', calls: name === undefined ? [] : [{ name, args }] };
}

function productOwner(request: ChatRequest, script: Script): Said {
  const asked = answered(request, (name) => name.startsWith('submit_')).filter((text) => text === 'Accepted.').length > 0;
  const questions = asked ? [] : (script.questions ?? []);
  const words = request.messages.filter((message) => message.role === 'user').length - 1;
  return submit(request, {
    needs_clarification: questions.length > 0,
    questions,
    refined_description: questions.length > 0 ? '' : `Refined after ${words} comments.`,
    acceptance_criteria: questions.length > 0 ? [] : ['It does what its test says.'],
    priority: 'medium',
  });
}

function developer(request: ChatRequest, script: Script, round: number): Said {
  const files = script.files[Math.min(round, script.files.length - 1)] ?? {};
  if (answered(request, (name) => name === 'write_file').length === 0) {
    return { text: '', calls: Object.entries(files).map(([path, content]) => ({ name: 'write_file', args: { path, content } })) };
  }
  return submit(request, {
    summary: `Round ${round + 1}.`,
    commit_message: `feat: a part of the whole\n\nRound ${round + 1}.`,
    pr_title: 'feat: a part of the whole',
    pr_body: 'A part of the whole, with its test.',
  });
}

function reviewer(request: ChatRequest, script: Script, round: number): Said {
  const list = script.review ?? ['approve'];
  const decision = list[Math.min(round, list.length - 1)] ?? 'approve';
  const path = Object.keys(script.files[0])[0] ?? '';
  const comments = decision === 'approve' ? [] : [{ path, line: 1, body: 'Say why.' }];
  return submit(request, { decision, summary: 'Read line by line.', comments });
}

/** What a model says next: from the conversation alone, and the round that its task is of its role. */
export function play(request: ChatRequest, script: Script, round: number): Said {
  if (request.agent === script.endless) return { text: '', calls: [READS] };
  if (request.agent === script.wrong) return submit(request, { nonsense: true });
  switch (request.agent) {
    case 'product-owner':
      return productOwner(request, script);
    case 'developer':
      return developer(request, script, round);
    case 'qa':
      return submit(request, { passed: true, summary: 'The product is right.', findings: [] });
    default:
      return reviewer(request, script, round);
  }
}
