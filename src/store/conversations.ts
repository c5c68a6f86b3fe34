import { call } from './call.ts';
import type { JsonObject } from '../domain/model.ts';
import type { NewMessage, PendingInput, StepGate, Store, StoredMessage, Transport } from './contract.ts';

interface Conversation {
  messages: StoredMessage[];
  workspace: JsonObject | null;
  gate: StepGate;
}

type ConversationCalls = Pick<Store, 'loadConversation' | 'appendMessages' | 'pendingInputs' | 'appendInputs'>;

export function conversationCalls(transport: Transport): ConversationCalls {
  return {
    loadConversation: (taskId, worker) => call<Conversation>(transport, 'load_conversation', { p_task_id: taskId, p_worker: worker }),
    appendMessages: (taskId, worker, messages, workspace) =>
      call<StepGate>(transport, 'append_messages', {
        p_task_id: taskId,
        p_worker: worker,
        p_messages: messages.map(countable),
        p_workspace: workspace ?? null,
      }),
    pendingInputs: (taskId, worker) => call<PendingInput[]>(transport, 'pending_inputs', { p_task_id: taskId, p_worker: worker }),
    appendInputs: (taskId, worker, inputIds, messages) =>
      call<StepGate>(transport, 'append_inputs', {
        p_task_id: taskId,
        p_worker: worker,
        p_input_ids: inputIds,
        p_messages: messages.map(countable),
      }),
  };
}

/** Clocks give fractions of a millisecond, and the columns are whole numbers. */
function countable(message: NewMessage): NewMessage {
  return message.duration_ms === undefined ? message : { ...message, duration_ms: Math.round(message.duration_ms) };
}
