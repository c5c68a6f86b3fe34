import { ChatAnthropic } from '@langchain/anthropic';
import { BanyanError } from '../../kernel/errors.ts';
import type { ProviderRequest } from '../types.ts';
import { CALL_RETRIES, CALL_TIMEOUT_MS, MAX_OUTPUT_TOKENS, onFailedAttempt } from './limits.ts';

/**
 * Caches the longest known prefix of each request: a conversation sends its whole transcript at every step, and what was
 * sent before costs a tenth. Constructor options cannot say so, the library takes `cache_control` from the call only.
 */
class CachingChatAnthropic extends ChatAnthropic {
  override invocationParams(options?: this['ParsedCallOptions']): ReturnType<ChatAnthropic['invocationParams']> {
    return { ...super.invocationParams(options), cache_control: options?.cache_control ?? { type: 'ephemeral' } };
  }
}

/** @throws BanyanError `config_invalid` without a key */
export function createAnthropicModel({ model, headers, options }: ProviderRequest): ChatAnthropic {
  if (!options.anthropicApiKey) {
    throw new BanyanError('config_invalid', `The model anthropic:${model} needs a key of Anthropic, and none is set.`, {
      retry: 'needs_human',
      fix: 'Set ANTHROPIC_API_KEY, or choose another model with BANYAN_MODEL.',
    });
  }
  return new CachingChatAnthropic({
    model,
    apiKey: options.anthropicApiKey,
    anthropicApiUrl: options.anthropicBaseUrl ?? 'https://api.anthropic.com',
    maxTokens: MAX_OUTPUT_TOKENS,
    maxRetries: CALL_RETRIES,
    onFailedAttempt,
    streaming: false,
    disableStreaming: true,
    clientOptions: { defaultHeaders: headers, timeout: CALL_TIMEOUT_MS },
  });
}
