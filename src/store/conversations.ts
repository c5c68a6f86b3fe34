import { call } from './call.ts';
import type { NewMessage, PendingInput, StepGate, Store, StoredConversation, Transport } from './contract.ts';

type ConversationCalls = Pick<Store, 'loadConversation' | 'appendMessages' | 'rollBack' | 'pendingInputs' | 'appendInputs'>;

export function conversationCalls(transport: Transport): ConversationCalls {
  return {
    loadConversation: (taskId, worker) => call<StoredConversation>(transport, 'load_conversation', { p_task_id: taskId, p_worker: worker }),
    appendMessages: (taskId, worker, messages, kept) =>
      call<StepGate>(transport, 'append_messages', {
        p_task_id: taskId,
        p_worker: worker,
        p_messages: messages.map(countable),
        p_workspace: kept?.workspace ?? null,
        p_files: kept?.changed ?? [],
        p_keep_seq: kept?.keepSeq ?? 0,
      }),
    rollBack: (taskId, worker, rollback, messages) =>
      call<StepGate>(transport, 'roll_back', {
        p_task_id: taskId,
        p_worker: worker,
        p_from_seq: rollback.from_seq,
        p_to_seq: rollback.to_seq,
        p_reason: rollback.reason,
        p_comment: rollback.comment,
        p_data: rollback.data,
        p_messages: messages.map(countable),
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
