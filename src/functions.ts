import { getDeadline, waitUntil } from '@vercel/functions';
import type { BanyanConfig } from './agents/instance.ts';
import { createEngineParts, createHandlers } from './app.ts';
import type { Handlers } from './app.ts';

/**
 * The functions of an instance, for Vercel or whatever serves functions as it does: `export const { worker, cron, agents } = createFunctions(config)`.
 * Nothing is built before the first request. Webhook, health and metrics need no configuration and are lighter from `banyan/api/*`.
 */
export function createFunctions(config: BanyanConfig): Handlers {
  return createHandlers({ waitUntil, deadline: getDeadline }, undefined, (environment) => createEngineParts(environment, config));
}
