import { expect, it } from 'vitest';
import { createEngineParts } from '../../src/app.ts';
import { readEnvironment } from '../../src/config/environment.ts';
import { createFunctions, defineConfig } from '../../src/index.ts';

const PEM = '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----';

function environment(own: Record<string, string> = {}) {
  return readEnvironment({
    GITHUB_WEBHOOK_SECRET: 'a secret of the webhook',
    GITHUB_APP_ID: '1',
    GITHUB_APP_PRIVATE_KEY: PEM,
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SECRET_KEY: 'sb_secret_x',
    SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x',
    CRON_SECRET: 'sixteen characters',
    BANYAN_SANDBOX: 'local',
    OPENAI_API_KEY: 'sk-not-a-real-key',
    ...own,
  });
}

const config = defineConfig({ models: { default: 'openai:instance', qa: 'openai:instance-qa' } });

async function modelsOf(own: Record<string, string>, override?: string): Promise<string[]> {
  const { models, store } = await createEngineParts(environment(own), config);
  const ids = await Promise.all(['developer', 'qa'].map(async (role) => (await models.forRole(role, { taskId: 't', runId: 'r', override })).id));
  await store.close();
  return ids;
}

it("takes a repository's word for the model before the environment's, and that before the instance's", async () => {
  expect(await modelsOf({})).toEqual(['openai:instance', 'openai:instance-qa']);
  expect(await modelsOf({ BANYAN_MODEL_QA: 'openai:env-qa' })).toEqual(['openai:instance', 'openai:env-qa']);
  expect(await modelsOf({ BANYAN_MODEL: 'openai:env' })).toEqual(['openai:env', 'openai:env']);
  expect(await modelsOf({ BANYAN_MODEL: 'openai:env' }, 'openai:repository')).toEqual(['openai:repository', 'openai:repository']);
});

it('gives the functions of an instance, of which none is built before it is asked', () => {
  expect(Object.keys(createFunctions(config)).toSorted()).toEqual(['agents', 'cron', 'health', 'metrics', 'webhook', 'worker']);
});
