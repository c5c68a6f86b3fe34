import type { ModelCost, ModelOptions, ModelPrice, ModelUsage } from './types.ts';

/** Taken for a model that no list knows: what a large model costs, so that a budget errs on the side of stopping. */
const UNKNOWN_PRICE: ModelPrice = { input: 3, output: 15 };

const MILLION = 1_000_000;

/** LangChain's names of providers where the price list has others. */
const LISTED_AS: Record<string, string> = {
  azure_openai: 'azure',
  bedrock: 'aws',
  'google-genai': 'google',
  'google-vertexai': 'google',
  'google-vertexai-web': 'google',
  mistralai: 'mistral',
  xai: 'x-ai',
};

export type Pricing = (usage: ModelUsage) => ModelCost;

/** Whole, non-negative numbers whatever an endpoint reported: a cache cannot hold more than the input. */
function sane(usage: ModelUsage): Required<ModelUsage> {
  const count = (value: number | undefined) => (Number.isFinite(value) ? Math.max(0, value ?? 0) : 0);
  const input = count(usage.input_tokens);
  const read = Math.min(input, count(usage.cache_read));
  return {
    input_tokens: input,
    output_tokens: count(usage.output_tokens),
    cache_read: read,
    cache_creation: Math.min(input - read, count(usage.cache_creation)),
  };
}

function at(price: ModelPrice, usage: Required<ModelUsage>): number {
  return (usage.input_tokens * price.input + usage.output_tokens * price.output) / MILLION;
}

/** What one call of a model costs: the owner's price, else the kept list's (in the package, nothing is fetched), else a high guess. */
export async function pricingOf(provider: string, model: string, own: ModelOptions['prices'] = {}): Promise<Pricing> {
  const ownPrice = own[`${provider}:${model}`] ?? own[model];
  if (ownPrice) return (usage) => ({ usd: at(ownPrice, sane(usage)), estimated: false });
  const { calcPrice } = await import('@pydantic/genai-prices');
  return (reported) => {
    const usage = sane(reported);
    const listed = calcPrice(
      {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_tokens: usage.cache_read,
        cache_write_tokens: usage.cache_creation,
      },
      model,
      { providerId: LISTED_AS[provider] ?? provider },
    );
    return listed ? { usd: listed.total_price, estimated: false } : { usd: at(UNKNOWN_PRICE, usage), estimated: true };
  };
}
