import type { BaseChatModel } from '@langchain/core/language_models/chat_models';

/** Tokens of one call, named as LangChain's `usage_metadata` and its `input_token_details` name them. */
export interface ModelUsage {
  /** All input tokens, those read from and written to a cache included. */
  input_tokens: number;
  output_tokens: number;
  cache_read?: number;
  cache_creation?: number;
}

export interface ModelCost {
  usd: number;
  /** True where no price for the model is known and a high one was taken instead. */
  estimated: boolean;
}

/** US dollars for a million tokens. */
export interface ModelPrice {
  input: number;
  output: number;
}

/** One model, ready for one role's work on one task: its requests carry the headers that attribute them. */
export interface RoleModel {
  /** `provider:model`. */
  id: string;
  model: BaseChatModel;
  /** True for the scripted model, which needs no provider. */
  scripted: boolean;
  cost(usage: ModelUsage): ModelCost;
  /** A sentence that every comment made with this model must carry, or null. */
  disclosure: string | null;
}

export interface ModelRequestContext {
  taskId: string;
  runId: string;
  /** `provider:model` from the repository's configuration; wins over the environment's. */
  override?: string | undefined;
  /** The repository's own prices, in the form of `ModelOptions.prices`; win over the owner's. */
  prices?: ModelOptions['prices'];
}

export interface Models {
  /** @throws BanyanError `config_invalid` (needs_human) for an unknown provider, a missing key or a missing package. */
  forRole(role: string, context: ModelRequestContext): Promise<RoleModel>;
  /** Models that are configured, by the repository or by the owner, and that the role does not work with; the default first. Never the scripted one. */
  others(role: string, repository: { default: string | null; byRole: Record<string, string> }): string[];
}

/** Has the form of `Environment['models']`, with prices of the owner's own added. */
export interface ModelOptions {
  /** `provider:model`; when absent, the first provider that has a key, else the scripted model. */
  default?: string | undefined;
  byRole: Record<string, string>;
  openaiApiKey?: string | undefined;
  /** Any endpoint that speaks chat completions. */
  openaiBaseUrl?: string | undefined;
  anthropicApiKey?: string | undefined;
  anthropicBaseUrl?: string | undefined;
  /** By `provider:model` or by the model's name alone; wins over the price list. */
  prices?: Record<string, ModelPrice> | undefined;
}

/** What a provider's factory gets. */
export interface ProviderRequest {
  provider: string;
  model: string;
  headers: Record<string, string>;
  options: ModelOptions;
}
