import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage } from '@langchain/core/messages';
import type { BaseMessage } from '@langchain/core/messages';
import type { ChatResult } from '@langchain/core/outputs';

const MESSAGE_CHARACTERS = 2_000;

/** Words that no compression makes much smaller, the same in every run. */
export function words(seed: number, characters = MESSAGE_CHARACTERS): string {
  const parts: string[] = [];
  let state = seed + 1;
  for (let length = 0; length < characters; length += 8) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    parts.push(state.toString(36).padStart(7, '0'));
  }
  return parts.join(' ').slice(0, characters);
}

/** What the tool of every step does. */
export type ToolKind = 'read' | 'write';

export interface Plan {
  /** Model calls that call a tool; one more ends it. */
  steps: number;
  tool: ToolKind;
  end: { name: string; args: Record<string, unknown> } | null;
}

/** The file that a step reads, or writes. */
export function notesOf(step: number): string {
  return `notes/${step}.txt`;
}

/** Another file each time: the same call with the same answer again and again would be taken for a loop. */
function callOf(tool: ToolKind, step: number): { name: string; args: Record<string, unknown> } {
  const path = notesOf(step);
  return tool === 'read' ? { name: 'read_file', args: { path } } : { name: 'write_file', args: { path, content: words(step + 1) } };
}

/** A model that answers at once: text and one tool call, as often as planned. It notes when it is asked. */
export class InstantModel extends BaseChatModel {
  readonly asked: number[] = [];
  readonly #plan: Plan;

  constructor(plan: Plan) {
    super({});
    this.#plan = plan;
  }

  _llmType(): string {
    return 'instant';
  }

  override bindTools(): this {
    return this;
  }

  override _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.asked.push(performance.now());
    const step = messages.filter((message) => message instanceof AIMessage).length;
    const { steps, tool, end } = this.#plan;
    const call = step < steps ? callOf(tool, step) : end;
    const message = new AIMessage({
      content: words(step),
      tool_calls: call ? [{ ...call, id: `call_${step}`, type: 'tool_call' }] : [],
      usage_metadata: { input_tokens: 1000, output_tokens: 500, total_tokens: 1500 },
    });
    return Promise.resolve({ generations: [{ text: '', message }] });
  }
}

/** From one question to the model to the next: one step, of which model and tool take next to nothing. */
export function stepTimes({ asked }: InstantModel): number[] {
  return asked.slice(1).map((at, index) => at - (asked[index] ?? at));
}
