import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import { afterEach, describe, expect, test } from 'vitest';
import { modelError } from '../../src/llm/errors.ts';
import { createModels } from '../../src/llm/models.ts';
import type { ModelOptions } from '../../src/llm/types.ts';
import { callTool, cutOff, fail, invalidJson, rateLimited, say, startOpenAiServer, type Answer, type OpenAiServer } from '../../src/testing/openai-server.ts';

const CONTEXT = { taskId: 'task-1', runId: 'run-1' };
const TOOL = {
  type: 'function',
  function: { name: 'read_file', description: 'Read.', parameters: { type: 'object', properties: { path: { type: 'string' } } } },
};

let server: OpenAiServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(...answers: Answer[]): Promise<ModelOptions> {
  server = await startOpenAiServer({ play: () => answers.shift() ?? fail(500) });
  return { byRole: {}, openaiBaseUrl: server.url, openaiApiKey: 'test-key', default: 'openai:test-model' };
}

async function chat(options: ModelOptions) {
  const { model } = await createModels(options).forRole('product-owner', CONTEXT);
  return model.invoke([new SystemMessage('rules'), new HumanMessage('hello')]);
}

async function failure(options: ModelOptions) {
  return modelError(
    await chat(options).then(
      () => null,
      (error: unknown) => error,
    ),
  );
}

describe('an OpenAI-compatible endpoint', () => {
  test('gets chat completions with the headers that attribute them, and its usage is read', async () => {
    const options = await serve({ kind: 'message', text: 'hi', calls: [], usage: { input: 50, output: 5, cached: 20 }, finish: 'stop' });
    const answer = await chat(options);
    expect(answer.text).toBe('hi');
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 50, output_tokens: 5, input_token_details: { cache_read: 20 } });
    expect(server?.requests).toHaveLength(1);
    expect(server?.requests[0]).toMatchObject({
      agent: 'product-owner',
      task: 'task-1',
      run: 'run-1',
      authorization: 'Bearer test-key',
      model: 'test-model',
      stream: false,
    });
  });

  test.each(['gpt-5.6', 'gpt-5.3-codex', 'o3', 'anything/at-all:free'])('is asked by chat completions for %s too', async (name) => {
    const answer = await chat({ ...(await serve(say('hi'))), default: `openai:${name}` });
    expect(answer.text).toBe('hi');
    expect(server?.requests[0]?.model).toBe(name);
  });

  test('needs no key', async () => {
    const options = await serve(say('hi'));
    expect((await chat({ ...options, openaiApiKey: undefined })).text).toBe('hi');
  });

  test('calls tools', async () => {
    const { model } = await createModels(await serve(callTool('read_file', { path: 'a.js' }))).forRole('qa', CONTEXT);
    const answer = await model.bindTools?.([TOOL]).invoke([new HumanMessage('go')]);
    expect(answer?.tool_calls).toMatchObject([{ name: 'read_file', args: { path: 'a.js' } }]);
    expect(server?.requests[0]?.tools).toEqual(['read_file']);
  });

  test('arguments that are no JSON come back as an invalid call, not as an exception', async () => {
    const { model } = await createModels(await serve(callTool('read_file', '{"path": '))).forRole('qa', CONTEXT);
    const answer = await model.bindTools?.([TOOL]).invoke([new HumanMessage('go')]);
    expect(answer?.invalid_tool_calls).toHaveLength(1);
  });

  test('says when it was cut off', async () => {
    expect((await chat(await serve(cutOff('half a sen')))).response_metadata).toMatchObject({ finish_reason: 'length' });
  });

  test('one hiccup is retried inside the call', async () => {
    expect((await chat(await serve(fail(503), say('again')))).text).toBe('again');
    expect(server?.requests).toHaveLength(2);
  });
});

describe('failures as they come over the wire', () => {
  test.each([
    ['a wrong key', fail(401), 'model_rejected', 'needs_human'],
    ['an unknown model', fail(404), 'model_rejected', 'needs_human'],
    ['a bad request', fail(400), 'model_rejected', 'needs_human'],
    ['a conversation that is too long', fail(400, 'context_length_exceeded'), 'limit_reached', 'needs_human'],
    ['an empty account', fail(429, 'insufficient_quota'), 'model_rejected', 'needs_human'],
    ['a long wait', rateLimited(120), 'model_rate_limited', 'rate_limit'],
  ])('%s', async (_what, answer, code, retry) => {
    expect(await failure(await serve(answer, answer))).toMatchObject({ code, retry });
    expect(server?.requests).toHaveLength(1);
  });

  test('the wait that the provider asks for is kept', async () => {
    const error = await failure(await serve(rateLimited(120)));
    expect(error.retryAt?.getTime()).toBeGreaterThan(Date.now() + 100_000);
  });

  test.each([
    ['a server error', fail(500)],
    ['an answer that is no JSON', invalidJson()],
    ['a cut connection', { kind: 'cut' } as const],
    ['an answer without a choice', { kind: 'error', status: 200, headers: {}, body: {} } as const],
  ])('%s is transient', async (_what, answer) => {
    expect(await failure(await serve(answer, answer))).toMatchObject({ code: 'model_unavailable', retry: 'transient' });
  });

  test('nobody there is transient', async () => {
    const options = await serve();
    await server?.close();
    expect(await failure(options)).toMatchObject({ code: 'model_unavailable', retry: 'transient' });
  });
});

describe('which model', () => {
  const idOf = async (options: Partial<ModelOptions>, role = 'qa', override?: string) =>
    (await createModels({ byRole: {}, ...options }).forRole(role, { ...CONTEXT, override })).id;

  test('the repository before the role before the default before the keys', async () => {
    const options = { openaiApiKey: 'k', anthropicApiKey: 'k', default: 'openai:default', byRole: { qa: 'openai:for-qa' } };
    expect(await idOf(options, 'qa', 'openai:override')).toBe('openai:override');
    expect(await idOf(options)).toBe('openai:for-qa');
    expect(await idOf(options, 'developer')).toBe('openai:default');
    expect(await idOf({ anthropicApiKey: 'k', openaiApiKey: 'k' })).toMatch(/^anthropic:claude-sonnet-/);
    expect(await idOf({ openaiApiKey: 'k' })).toMatch(/^openai:gpt-/);
    expect(await idOf({ openaiBaseUrl: 'http://127.0.0.1:1/v1' })).toMatch(/^openai:gpt-/);
    expect(await idOf({})).toBe('scripted:demo');
  });

  test('others are those that are configured and that the role does not use', () => {
    const repository = { default: null, byRole: {} };
    const others = (options: Partial<ModelOptions>, changes: { default?: string; byRole?: Record<string, string> } = {}) =>
      createModels({ byRole: {}, ...options }).others('qa', { ...repository, ...changes });
    expect(others({})).toEqual([]);
    expect(others({ openaiApiKey: 'k' })).toEqual([]);
    expect(others({ default: 'openai:a', openaiBaseUrl: 'http://127.0.0.1:1/v1', byRole: { developer: 'openai:b' } })).toEqual(['openai:b']);
    expect(others({ default: 'openai:a' }, { default: 'openai:c', byRole: { qa: 'openai:b' } })).toEqual(['openai:c', 'openai:a']);
    expect(others({ anthropicApiKey: 'k', openaiApiKey: 'k' })).toEqual([expect.stringMatching(/^openai:/)]);
  });

  test('a name may hold colons', async () => {
    expect(await idOf({ openaiApiKey: 'k', default: 'OpenAI:a:b' })).toBe('openai:a:b');
  });

  test('the scripted model says why it is there and costs nothing', async () => {
    const bare = await createModels({ byRole: {} }).forRole('qa', CONTEXT);
    expect(bare).toMatchObject({
      scripted: true,
      disclosure: "Written by Banyan's scripted model, no provider key is configured: it plays the demo issue only.",
    });
    expect(bare.cost({ input_tokens: 1e6, output_tokens: 1e6 })).toEqual({ usd: 0, estimated: false });
    const chosen = await createModels({ byRole: {}, default: 'scripted:demo', openaiApiKey: 'k' }).forRole('qa', CONTEXT);
    expect(chosen.disclosure).not.toContain('no provider key');
    const real = await createModels({ byRole: {}, openaiApiKey: 'k' }).forRole('qa', CONTEXT);
    expect(real).toMatchObject({ scripted: false, disclosure: null });
  });

  test("prices of the repository win over the owner's", async () => {
    const options = { byRole: {}, openaiApiKey: 'k', default: 'openai:m', prices: { m: { input: 1, output: 1 } } };
    const usage = { input_tokens: 1_000_000, output_tokens: 0 };
    expect((await createModels(options).forRole('qa', CONTEXT)).cost(usage).usd).toBe(1);
    expect((await createModels(options).forRole('qa', { ...CONTEXT, prices: { m: { input: 2, output: 1 } } })).cost(usage).usd).toBe(2);
  });

  test.each([
    ['no provider', 'gpt-5', /provider:model/],
    ['an empty name', 'openai:', /provider:model/],
    ['an unknown provider', 'nonsense:x', /anthropic/],
    ['a provider whose package is missing', 'mistralai:x', /npm install @langchain\/mistralai/],
    ['no key of Anthropic', 'anthropic:claude-sonnet-5', /ANTHROPIC_API_KEY/],
    ['no key of OpenAI', 'openai:gpt-5.5', /OPENAI_API_KEY/],
  ])('%s is told with its fix', async (_what, id, fix) => {
    await expect(idOf({ default: id })).rejects.toMatchObject({ code: 'config_invalid', retry: 'needs_human', fix: expect.stringMatching(fix) as string });
  });
});

test("Anthropic's requests carry the headers, the key and a cache mark", async () => {
  const seen: Request[] = [];
  const { model } = await createModels({ byRole: {}, anthropicApiKey: 'secret' }).forRole('reviewer', CONTEXT);
  const answer = {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'x',
    content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 2 },
  };
  Object.assign(Reflect.get(model, 'clientOptions') as object, {
    fetch: (url: string, init: RequestInit) => {
      seen.push(new Request(url, init));
      return Promise.resolve(Response.json(answer));
    },
  });
  const message = await model.invoke([new HumanMessage('hello')]);
  expect(message.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 2, input_token_details: { cache_read: 3 } });
  expect(seen[0]?.url).toBe('https://api.anthropic.com/v1/messages');
  expect(seen[0]?.headers.get('x-banyan-agent')).toBe('reviewer');
  expect(seen[0]?.headers.get('x-api-key')).toBe('secret');
  expect(await seen[0]?.json()).toMatchObject({ cache_control: { type: 'ephemeral' }, max_tokens: 16_384 });
});
