import type { Probot } from 'probot';
import { githubError } from './errors.ts';

/** One attempt of GitHub's to hand an event over. A redelivery is an attempt of its own with the GUID of the first. */
export interface HookAttempt {
  /** As text: GitHub's ids are beyond what a number holds exactly. */
  id: string;
  guid: string;
  deliveredAt: Date;
  redelivery: boolean;
  /** What the webhook answered; GitHub writes a status of its own where nobody did. */
  statusCode: number;
  event: string;
  action: string | null;
  installationId: number | null;
}

export interface HookPage {
  /** Newest first. */
  attempts: HookAttempt[];
  /** Asks for the next older page; null on the last one. */
  next: string | null;
}

/** What GitHub remembers of the deliveries to the App's webhook. */
export interface HookDeliveries {
  /** @throws BanyanError as `githubError` tells */
  list(cursor?: string): Promise<HookPage>;
  /** Asks GitHub to send it again; it does so a moment later. @throws BanyanError as `githubError` tells */
  redeliver(id: string): Promise<void>;
  /** The payload of an attempt, parsed; null where GitHub kept none. Up to 25 MB: ask for one at a time. @throws BanyanError as `githubError` tells */
  payload(id: string): Promise<unknown>;
}

interface HookDelivery {
  request?: { payload?: unknown };
}

const PER_PAGE = 100;

/** Whoever asks comes again with the next tick; waiting here for a GitHub that is down would only cost time. */
const ONCE = { retries: 0 };

function nextCursor(link: string | undefined): string | null {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  return next === undefined ? null : new URL(next).searchParams.get('cursor');
}

export function createHookDeliveries(probot: Probot): HookDeliveries {
  return {
    async list(cursor) {
      try {
        const app = await probot.auth();
        const { data, headers } = await app.request('GET /app/hook/deliveries', { per_page: PER_PAGE, ...(cursor ? { cursor } : {}), request: ONCE });
        const attempts = data.map((item) => ({
          id: String(item.id),
          guid: item.guid,
          deliveredAt: new Date(item.delivered_at),
          redelivery: item.redelivery,
          statusCode: item.status_code,
          event: item.event,
          action: item.action,
          installationId: item.installation_id === null ? null : Number(item.installation_id),
        }));
        return { attempts, next: nextCursor(headers.link) };
      } catch (error) {
        throw githubError(error);
      }
    },
    async redeliver(id) {
      try {
        const app = await probot.auth();
        // The typed route takes a number only.
        await app.request(`POST /app/hook/deliveries/${encodeURIComponent(id)}/attempts`, { request: ONCE });
      } catch (error) {
        throw githubError(error);
      }
    },
    async payload(id) {
      try {
        const app = await probot.auth();
        const { data } = (await app.request(`GET /app/hook/deliveries/${encodeURIComponent(id)}`, { request: ONCE })) as { data: HookDelivery };
        return data.request?.payload ?? null;
      } catch (error) {
        throw githubError(error);
      }
    },
  };
}
