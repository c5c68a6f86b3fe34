import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { BanyanError } from '../kernel/errors.ts';
import { pricingOf } from './prices.ts';
import type { ModelOptions, ModelRequestContext, Models, ProviderRequest, RoleModel } from './types.ts';

/** What is taken where a key is set and no model is named. */
const ANTHROPIC_DEFAULT = 'anthropic:claude-sonnet-5';
const OPENAI_DEFAULT = 'openai:gpt-5.5';
const SCRIPTED_DEFAULT = 'scripted:demo';

/** Says why there is no real model behind a comment: because none is configured, or because this one was chosen. */
function scriptedDisclosure({ anthropicApiKey, openaiApiKey, openaiBaseUrl }: ModelOptions): string {
  const why = anthropicApiKey || openaiApiKey || openaiBaseUrl ? 'chosen by configuration' : 'no provider key is configured';
  return `Written by Banyan's scripted model, ${why}: it plays the demo issue only.`;
}

function defaultModel(options: ModelOptions): string {
  if (options.default) return options.default;
  if (options.anthropicApiKey) return ANTHROPIC_DEFAULT;
  return options.openaiApiKey || options.openaiBaseUrl ? OPENAI_DEFAULT : SCRIPTED_DEFAULT;
}

/** Splits at the first colon: names of models may hold more of them (`ollama:llama3.3:70b`). */
function parseId(id: string): { provider: string; model: string } {
  const colon = id.indexOf(':');
  const provider = id.slice(0, colon).trim().toLowerCase();
  const model = id.slice(colon + 1).trim();
  if (colon > 0 && provider && model) return { provider, model };
  throw new BanyanError('config_invalid', `"${id.slice(0, 100)}" does not name a model.`, {
    retry: 'needs_human',
    fix: `Write provider:model, for example ${ANTHROPIC_DEFAULT}.`,
  });
}

/** A header's value: printable ASCII, whatever a child calls its roles. */
function headerValue(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '_').slice(0, 200);
}

/** Loaded when used: the functions that never call a model must not pay for LangChain. */
async function createModel(request: ProviderRequest): Promise<BaseChatModel> {
  switch (request.provider) {
    case 'scripted':
      return (await import('./scripted/model.ts')).createScriptedModel();
    case 'anthropic':
      return (await import('./providers/anthropic.ts')).createAnthropicModel(request);
    case 'openai':
      return (await import('./providers/openai.ts')).createOpenAiModel(request);
    default:
      return (await import('./providers/other.ts')).createOtherModel(request);
  }
}

/** Which model a role works with: the repository's word, else the environment's for the role, else for all, else what has a key. */
export function createModels(options: ModelOptions): Models {
  async function forRole(role: string, context: ModelRequestContext): Promise<RoleModel> {
    const { provider, model } = parseId(context.override ?? options.byRole[role] ?? defaultModel(options));
    const headers = {
      'x-banyan-agent': headerValue(role),
      'x-banyan-task': headerValue(context.taskId),
      'x-banyan-run': headerValue(context.runId),
    };
    const scripted = provider === 'scripted';
    const [chat, cost] = await Promise.all([
      createModel({ provider, model, headers, options }),
      scripted ? () => ({ usd: 0, estimated: false }) : pricingOf(provider, model, { ...options.prices, ...context.prices }),
    ]);
    return { id: `${provider}:${model}`, model: chat, scripted, cost, disclosure: scripted ? scriptedDisclosure(options) : null };
  }
  function others(role: string, { default: wanted, byRole }: Parameters<Models['others']>[1]): string[] {
    const own = byRole[role] ?? wanted ?? options.byRole[role] ?? defaultModel(options);
    const configured = [
      wanted,
      options.byRole[role],
      defaultModel(options),
      ...Object.values(byRole),
      ...Object.values(options.byRole),
      ...(options.anthropicApiKey ? [ANTHROPIC_DEFAULT] : []),
      ...(options.openaiApiKey && !options.openaiBaseUrl ? [OPENAI_DEFAULT] : []),
    ];
    return [...new Set(configured)].filter((id): id is string => typeof id === 'string' && id !== own && !id.startsWith('scripted:'));
  }
  return { forRole, others };
}
