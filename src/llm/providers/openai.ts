import { ChatOpenAI, ChatOpenAICompletions } from '@langchain/openai';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { BanyanError } from '../../kernel/errors.ts';
import type { ProviderRequest } from '../types.ts';
import { CALL_RETRIES, CALL_TIMEOUT_MS, onFailedAttempt } from './limits.ts';

/**
 * An endpoint of the owner's is spoken to with chat completions, always: `useResponsesApi: false` is overruled by the
 * library for some model names, the completions class is not. At OpenAI itself the library's choice by model stands.
 * @throws BanyanError `config_invalid` without a key and without an endpoint
 */
export function createOpenAiModel({ model, headers, options }: ProviderRequest): BaseChatModel {
  const { openaiApiKey, openaiBaseUrl } = options;
  if (!openaiApiKey && !openaiBaseUrl) {
    throw new BanyanError('config_invalid', `The model openai:${model} needs a key of OpenAI or another endpoint, and neither is set.`, {
      retry: 'needs_human',
      fix: 'Set OPENAI_API_KEY or OPENAI_BASE_URL, or choose another model with BANYAN_MODEL.',
    });
  }
  const fields = {
    model,
    // Servers without authentication take any key; the client refuses to have none.
    apiKey: openaiApiKey ?? 'none',
    maxRetries: CALL_RETRIES,
    onFailedAttempt,
    timeout: CALL_TIMEOUT_MS,
    streaming: false,
    disableStreaming: true,
    configuration: { baseURL: openaiBaseUrl ?? 'https://api.openai.com/v1', defaultHeaders: headers },
  };
  return openaiBaseUrl ? new ChatOpenAICompletions(fields) : new ChatOpenAI(fields);
}
