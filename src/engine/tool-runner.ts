import { ToolMessage } from '@langchain/core/messages';
import type { ToolCall } from '@langchain/core/messages/tool';
import { z } from 'zod';
import type { Intent } from '../domain/intents.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { BanyanError, ErrorCode } from '../kernel/errors.ts';
import { redactSecrets } from '../kernel/redact.ts';
import { truncateMiddle } from '../kernel/text.ts';
import type { AgentTool, ToolContext } from '../tools/tool.ts';
import type { RoleAgent } from './role.ts';
import type { TaskSession } from './session.ts';
import { GARBLED, MAX_ARGUMENT_CHARS, OVERSIZED } from './transcript.ts';

/** Characters of one tool's answer that reach the model. */
const TOOL_OUTPUT_CHARS = 30_000;
/** Output of a command that is kept before it is cut for the model. */
const COMMAND_OUTPUT_BYTES = 60_000;

export interface ToolRunner {
  /** Runs one call to its answer; what the model did wrong is an answer too, marked as an error. */
  run(call: ToolCall): Promise<ToolMessage>;
  /** Whether the call changes nothing, so that it may be run again where its answer was lost. */
  readsOnly(call: ToolCall): boolean;
}

/** Kept with an answer, for who watches: what of the call was refused. The model reads it in the text. */
const REFUSAL = 'banyan_refusal';

function answer(call: ToolCall, content: string, status: 'success' | 'error' = 'success', refusal?: ErrorCode): ToolMessage {
  const kept = refusal === undefined ? {} : { additional_kwargs: { [REFUSAL]: refusal } };
  return new ToolMessage({ content, tool_call_id: call.id ?? '', name: call.name, status, ...kept });
}

/** Failures that the model can do something about go back to it; the others end the turn and are treated by type. */
function isForTheModel(error: BanyanError): boolean {
  return error.retry === 'permanent' && error.code !== 'internal' && error.code !== 'lease_lost';
}

async function handIn(agent: RoleAgent, session: TaskSession, call: ToolCall): Promise<ToolMessage> {
  const parsed = agent.resultSchema.safeParse(call.args);
  if (!parsed.success) return answer(call, `The result was not accepted:\n${z.prettifyError(parsed.error)}\nHand it in again with every field right.`, 'error');
  const objection = await agent.check(session, parsed.data, session.state.sentBack);
  if (objection === null) return answer(call, 'Accepted.');
  session.state.sentBack += 1;
  return answer(call, truncateMiddle(redactSecrets(objection), TOOL_OUTPUT_CHARS), 'error');
}

async function execute(tool: AgentTool, call: ToolCall, context: Omit<ToolContext, 'noteRefusal'>): Promise<ToolMessage> {
  const input = tool.schema.safeParse(call.args);
  if (!input.success) return answer(call, `Wrong arguments for ${tool.name}:\n${z.prettifyError(input.error)}`, 'error');
  let refusal: ErrorCode | undefined;
  const output = await tool.execute(input.data, { ...context, noteRefusal: (code) => (refusal = code) });
  return answer(call, truncateMiddle(redactSecrets(output), TOOL_OUTPUT_CHARS), 'success', refusal);
}

/** What one call may use; `found` collects the discoveries it records, which are stored when it has ended. */
async function toolContext(session: TaskSession, callId: string, found: Intent[]): Promise<Omit<ToolContext, 'noteRefusal'>> {
  const { task, signal, config } = session;
  return {
    callId,
    workspace: await session.workspace(),
    signal,
    limits: { maxOutputBytes: COMMAND_OUTPUT_BYTES, commandTimeoutSeconds: config.limits.commandTimeoutSeconds },
    recordDiscovery: (discovery) => found.push({ type: 'discovery', key: `${task.id}/${callId}`, task_id: task.id, ...discovery }),
    // Asking ends the conversation's turn: the loop sees the call in the transcript and takes it from there.
    askHuman: () => undefined,
  };
}

export function createToolRunner(parts: { agent: RoleAgent; session: TaskSession; tools: readonly AgentTool[] }): ToolRunner {
  const { agent, session, tools } = parts;

  async function attempt(call: ToolCall): Promise<ToolMessage> {
    if (GARBLED in call.args) return answer(call, 'The arguments of this call were no valid JSON, so it was not run. Call the tool again.', 'error');
    if (OVERSIZED in call.args) {
      return answer(
        call,
        `The arguments of this call were longer than ${MAX_ARGUMENT_CHARS} characters, so it was not run. Do it in smaller pieces: write a part of the file, then add to it with edit_file.`,
        'error',
      );
    }
    if (call.name === agent.resultName) return handIn(agent, session, call);
    const tool = tools.find((candidate) => candidate.name === call.name);
    if (tool) {
      const found: Intent[] = [];
      const message = await execute(tool, call, await toolContext(session, call.id ?? '', found));
      if (found.length > 0) await session.record(found);
      return message;
    }
    return answer(call, `There is no tool "${call.name}". You have: ${[...tools.map((known) => known.name), agent.resultName].join(', ')}.`, 'error');
  }

  return {
    readsOnly: (call) => tools.some(({ name, permission }) => name === call.name && permission === 'read'),
    async run(call) {
      try {
        return await attempt(call);
      } catch (thrown) {
        const error = toBanyanError(thrown);
        if (!isForTheModel(error)) throw error;
        return answer(call, redactSecrets(error.fix ? `${error.message} ${error.fix}` : error.message), 'error', error.code);
      }
    },
  };
}
