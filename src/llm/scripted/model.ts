import { createHash } from 'node:crypto';
import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager';
import { BaseChatModel, type BaseChatModelCallOptions, type BindToolsInput } from '@langchain/core/language_models/chat_models';
import { AIMessage, type AIMessageChunk, type BaseMessage } from '@langchain/core/messages';
import type { ChatResult } from '@langchain/core/outputs';
import type { Runnable } from '@langchain/core/runnables';
import type { BaseLanguageModelInput } from '@langchain/core/language_models/base';
import { play } from './play.ts';
import type { Step } from './step.ts';
import { readTranscript } from './transcript.ts';

interface ScriptedCallOptions extends BaseChatModelCallOptions {
  tools?: BindToolsInput[];
}

/** Rough, so that the figures of the demo look like figures; a token is some four characters. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Unique in a conversation, and the same when the same step is played again. */
function callId(opening: string, length: number, index: number): string {
  const digest = createHash('sha256').update(`${length}:${index}:${opening}`).digest('hex');
  return `call_${digest.slice(0, 24)}`;
}

/**
 * A model without a provider: plays the demo issue from a script and says on every other that it cannot. It keeps no
 * state, so a conversation that is taken up by another process goes on where it was.
 */
class ScriptedModel extends BaseChatModel<ScriptedCallOptions> {
  override _llmType(): string {
    return 'scripted';
  }

  override bindTools(tools: BindToolsInput[], options?: Partial<ScriptedCallOptions>): Runnable<BaseLanguageModelInput, AIMessageChunk, ScriptedCallOptions> {
    return this.withConfig({ ...options, tools });
  }

  override async _generate(messages: BaseMessage[], options: ScriptedCallOptions, _runManager?: CallbackManagerForLLMRun): Promise<ChatResult> {
    const transcript = readTranscript(messages, options.tools ?? []);
    const step: Step = play(transcript);
    const written = step.text + JSON.stringify(step.calls);
    const input = tokens(messages.map((message) => message.text).join(''));
    const output = tokens(written);
    const message = new AIMessage({
      content: step.text,
      tool_calls: step.calls.map(({ name, args }, index) => ({ type: 'tool_call', id: callId(transcript.opening, transcript.length, index), name, args })),
      usage_metadata: { input_tokens: input, output_tokens: output, total_tokens: input + output },
    });
    return { generations: [{ text: step.text, message }] };
  }
}

export function createScriptedModel(): BaseChatModel {
  return new ScriptedModel({});
}
