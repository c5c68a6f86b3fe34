import type { AIMessage, ToolMessage } from '@langchain/core/messages';
import type { ModelUsage, RoleModel } from '../llm/types.ts';
import type { RoleAgent } from './role.ts';
import type { Tracing } from './tracing.ts';

interface Caller {
  agent: RoleAgent;
  tracing: Tracing;
}

/** One call of the model with its waits, as a span. */
export function tracedModelCall({ agent, tracing, roleModel }: Caller & { roleModel: RoleModel }, call: () => Promise<AIMessage>): Promise<AIMessage> {
  const attributes = { 'banyan.role': agent.role, 'gen_ai.request.model': roleModel.id };
  return tracing.span('model', { kind: 'client', attributes }, async (span) => {
    const answer = await call();
    const { input_tokens: tokensIn, output_tokens: tokensOut } = usageOf(answer);
    span.set({ 'gen_ai.usage.input_tokens': tokensIn, 'gen_ai.usage.output_tokens': tokensOut });
    return answer;
  });
}

export function tracedToolCall({ agent, tracing }: Caller, tool: string, call: () => Promise<ToolMessage>): Promise<ToolMessage> {
  return tracing.span('tool', { attributes: { 'banyan.role': agent.role, 'banyan.tool': tool } }, async (span) => {
    const answer = await call();
    span.set({ 'banyan.refused': answer.status === 'error' });
    return answer;
  });
}

export function usageOf(message: AIMessage): ModelUsage {
  const usage = message.usage_metadata;
  return { input_tokens: usage?.input_tokens ?? 0, output_tokens: usage?.output_tokens ?? 0, ...cacheOf(message) };
}

function cacheOf(message: AIMessage): { cache_read?: number; cache_creation?: number } {
  const details = message.usage_metadata?.input_token_details;
  return {
    ...(details?.cache_read ? { cache_read: details.cache_read } : {}),
    ...(details?.cache_creation ? { cache_creation: details.cache_creation } : {}),
  };
}
