import { createAgent, createMiddleware, tool as defineTool } from 'langchain';
import type { BaseMessage, ToolMessage } from '@langchain/core/messages';
import { AIMessage, SystemMessage } from '@langchain/core/messages';
import type { ToolCall } from '@langchain/core/messages/tool';
import { z } from 'zod';
import { modelError } from '../llm/errors.ts';
import type { RoleModel } from '../llm/types.ts';
import type { AgentTool } from '../tools/tool.ts';
import type { RoleAgent } from './role.ts';

/** What happens at each step; whoever runs the loop records it there and may throw to end it. */
export interface StepHooks {
  model(call: () => Promise<AIMessage>): Promise<AIMessage>;
  tool(call: ToolCall): Promise<ToolMessage>;
  signal: AbortSignal;
}

/** The turn-taking of model and tools, by LangChain's agent. It keeps no state of its own. */
export interface ConversationLoop {
  run(messages: readonly BaseMessage[], hooks: StepHooks): Promise<void>;
}

/** LangGraph counts each model and each tool step; our own limits end a conversation long before this. */
const RECURSION_LIMIT = 2000;

/** Only the form is used: calls are run by the hooks. */
function declare(name: string, description: string, schema: unknown) {
  return defineTool(() => '', { name, description, schema: schema as Record<string, unknown> });
}

/** The wire form of a schema, without what some endpoints refuse. */
function wireSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  return { type: 'object', ...rest };
}

/** LangChain names an answer after its node; what is read back from the database has no name, and the model is to see the same either way. */
function unnamed(message: BaseMessage): BaseMessage {
  if (!(message instanceof AIMessage) || message.name === undefined) return message;
  return new AIMessage({ content: message.content, tool_calls: message.tool_calls ?? [] });
}

export function createLoop(parts: { agent: RoleAgent; roleModel: RoleModel; tools: readonly AgentTool[] }): ConversationLoop {
  const { agent, roleModel } = parts;
  const declared = [
    ...parts.tools.map((known) => declare(known.name, known.description, wireSchema(known.schema))),
    declare(agent.resultName, `Hands in your result and ends your work. Call it once, when you are done.`, wireSchema(agent.resultSchema)),
  ];
  return {
    async run(messages, hooks) {
      const middleware = createMiddleware({
        name: 'banyan',
        wrapModelCall: (request, handler) =>
          hooks.model(async () => {
            try {
              return await handler({ ...request, messages: request.messages.map(unnamed) });
            } catch (error) {
              throw modelError(error);
            }
          }),
        wrapToolCall: (request) => hooks.tool(request.toolCall),
      });
      const [first, ...rest] = messages;
      const system = first instanceof SystemMessage ? first : undefined;
      const runner = createAgent({ model: roleModel.model, tools: declared, middleware: [middleware], ...(system ? { systemPrompt: system } : {}) });
      await runner.invoke({ messages: system ? rest : [...messages] }, { recursionLimit: RECURSION_LIMIT, signal: hooks.signal });
    },
  };
}
