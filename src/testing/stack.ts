import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Octokit } from '@octokit/rest';
import { readTestingEnvironment } from '../config/testing.ts';
import { openStack } from '../local/open.ts';
import type { Stack as LocalStack } from '../local/stack.ts';
import { createCast } from './cast.ts';
import { startOpenAiServer } from './openai-server.ts';
import type { OpenAiServer } from './openai-server.ts';
import { newRepository } from './repository.ts';
import type { Watched } from './repository.ts';

export interface StackOptions {
  /** The folder of the project, or one below it; default: the current one. */
  cwd?: string;
  /** Variables of the functions, over those that the stack sets. Of the shell they see none but its path and home. */
  env?: Record<string, string>;
  /** Takes the warnings and errors of the services. */
  note?: (line: string) => void;
}

/** What `npm start` starts, on ports and data of its own, with a model that the test plays. Its clock is the real one. */
export interface Stack {
  github: {
    url: string;
    /** `maintainer` has write access to the repositories of `acme`, `visitor` has none. */
    as(user: 'maintainer' | 'visitor'): Octokit;
  };
  /** Webhook, cron, health and the other functions of the project, below `url`. */
  functions: { url: string };
  supabase: { url: string };
  models: OpenAiServer;
  /** Says who plays in which repository. */
  cast: ReturnType<typeof createCast>;
  /** Data, and `logs/` of the services, until `close()`. */
  dataDir: string;
  repository(name: string, files?: Record<string, string>): Promise<Watched>;
  close(): Promise<void>;
}

function stackEnvironment(dataDir: string, models: OpenAiServer): Record<string, string> {
  return {
    ...readTestingEnvironment().shell,
    // Any that is free.
    BANYAN_PORT: '0',
    BANYAN_GITHUB_PORT: '0',
    BANYAN_SUPABASE_PORT: '0',
    BANYAN_TICK_SECONDS: '1',
    BANYAN_DATA_DIR: dataDir,
    BANYAN_MODEL: 'openai:played-by-the-test',
    OPENAI_BASE_URL: models.url,
    OPENAI_API_KEY: 'sk-not-a-real-key',
  };
}

/**
 * Resolves when everything listens. The services are processes of their own, which end with this one, however it ends.
 * @throws BanyanError `not_found` where there is no project, `config_invalid` for what is wrong with it
 */
export async function startStack({ cwd = process.cwd(), env = {}, note = () => undefined }: StackOptions = {}): Promise<Stack> {
  const cast = createCast();
  const models = await startOpenAiServer({ play: (request) => cast.play(request) });
  const dataDir = await mkdtemp(join(tmpdir(), 'banyan-stack-'));
  async function clear(): Promise<void> {
    await models.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  let stack: LocalStack;
  try {
    stack = await openStack({ cwd, env: { ...stackEnvironment(dataDir, models), ...env }, print: () => undefined, note });
  } catch (error) {
    await clear();
    throw error;
  }
  const { github, app, supabase } = stack.urls;
  const as = (user: string) => new Octokit({ baseUrl: github, auth: `${user}-token` });
  return {
    github: { url: github, as },
    functions: { url: app },
    supabase: { url: supabase },
    models,
    cast,
    dataDir,
    repository: (name, files = {}) => newRepository(as('maintainer'), name, files),
    async close() {
      await stack.stop();
      await clear();
    },
  };
}
