import { initChatModel } from 'langchain';
import { MODEL_PROVIDER_CONFIG, type ChatModelProvider } from 'langchain/chat_models/universal';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { BanyanError } from '../../kernel/errors.ts';
import type { ProviderRequest } from '../types.ts';
import { CALL_RETRIES, onFailedAttempt } from './limits.ts';

function isKnown(provider: string): provider is ChatModelProvider {
  return Object.hasOwn(MODEL_PROVIDER_CONFIG, provider);
}

function isMissingModule(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND';
}

/** Loads the provider's package, so that its absence is told by a code and not by a sentence of the library's. */
async function requirePackage(provider: string, name: string): Promise<void> {
  try {
    await import(name);
  } catch (thrown) {
    if (!isMissingModule(thrown)) throw thrown;
    throw new BanyanError('config_invalid', `Models of "${provider}" need the package ${name}, which is not installed.`, {
      retry: 'needs_human',
      fix: `Run \`npm install ${name}\` and deploy again, or choose another model with BANYAN_MODEL.`,
      data: { provider, package: name },
      cause: thrown,
    });
  }
}

/**
 * Any provider that LangChain knows beside the two built-in ones. Its package reads its own key from the environment.
 * The headers reach those whose client takes `defaultHeaders` in one of the usual places.
 * @throws BanyanError `config_invalid` for an unknown provider or a missing package
 */
export async function createOtherModel({ provider, model, headers }: ProviderRequest): Promise<BaseChatModel> {
  if (!isKnown(provider)) {
    throw new BanyanError('config_invalid', `"${provider}" is no provider of models that Banyan knows.`, {
      retry: 'needs_human',
      fix: `Use provider:model with one of: ${Object.keys(MODEL_PROVIDER_CONFIG).toSorted().join(', ')}.`,
      data: { provider },
    });
  }
  await requirePackage(provider, MODEL_PROVIDER_CONFIG[provider].package);
  return initChatModel(model, {
    modelProvider: provider,
    maxRetries: CALL_RETRIES,
    onFailedAttempt,
    configuration: { defaultHeaders: headers },
    clientOptions: { defaultHeaders: headers },
    defaultHeaders: headers,
  });
}
