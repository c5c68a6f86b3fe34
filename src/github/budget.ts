import type { Octokit } from '@octokit/rest';
import { answerOf, limitOf, rateLimited } from './errors.ts';
import type { Answer } from './errors.ts';

/** What a request costs of GitHub's secondary limits. */
export interface RequestCost {
  points: number;
  /** 1 where it creates content. */
  creations: number;
}

/** The limits of all installations, as everything that calls GitHub shares them. */
export interface RequestBudget {
  /**
   * Waits a moment for room where that is enough; the result is called when the request has ended.
   * @throws BanyanError `github_rate_limited` with `retryAt` where the wait would be longer
   */
  take(installationId: number, cost: RequestCost, signal?: AbortSignal): Promise<() => void>;
  /** GitHub has asked to stop, for so many seconds or (null) without a time. When to come back. */
  hold(installationId: number, seconds: number | null): Promise<Date>;
  /** What this process has reserved and not used goes back to the others. */
  giveBack(): Promise<void>;
}

/**
 * "Some endpoints create content": GitHub names no list. These are the ones whose documentation warns that creating content too
 * quickly may meet a limit (issues, comments, pull requests, reviews and their like), and commits, which people see as well. Edits, labels,
 * reactions, checks and the objects below a commit are counted by points alone.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 */
const CREATES =
  /\/repos\/[^/]+\/[^/]+\/(issues|pulls|releases|issues\/[^/]+\/(comments|sub_issues)|pulls\/[^/]+\/(comments|reviews|requested_reviewers|comments\/[^/]+\/replies)|commits\/[^/]+\/comments|git\/commits)$/;
const CREATING_MUTATION = /\b(createCommitOnBranch|createIssue|createPullRequest|addComment|addPullRequestReview\w*)\b/;

/** GET, HEAD and OPTIONS are 1 point, what writes is 5; a GraphQL query 1, a mutation 5. @param url with or without its parameters filled in */
export function costOf(method: string, url: string, query?: unknown): RequestCost {
  if (typeof query === 'string' && url.endsWith('/graphql')) {
    const writes = /^\s*mutation\b/.test(query);
    return { points: writes ? 5 : 1, creations: writes && CREATING_MUTATION.test(query) ? 1 : 0 };
  }
  if (/^(GET|HEAD|OPTIONS)$/i.test(method)) return { points: 1, creations: 0 };
  return { points: 5, creations: method.toUpperCase() === 'POST' && CREATES.test(url.replace(/\?.*$/, '')) ? 1 : 0 };
}

/** Octokit's plugin that takes each request (each try of it, too) from the budget of one installation, and tells what GitHub says about limits. */
export function budgeted(budget: RequestBudget, installationId: number): (octokit: Pick<Octokit, 'hook'>) => Record<string, never> {
  /** When to come back, where GitHub did not serve the request. */
  async function heed(answer: Answer | null): Promise<Date | null> {
    const limit = answer && limitOf(answer);
    if (limit === null) return null;
    const until = await budget.hold(installationId, limit.seconds);
    return limit.refused ? until : null;
  }
  return (octokit) => {
    octokit.hook.wrap('request', async (request, options) => {
      const done = await budget.take(installationId, costOf(options.method, options.url, options['query']), options.request?.signal);
      let answer: Awaited<ReturnType<typeof request>>;
      try {
        answer = await request(options);
      } catch (thrown) {
        const until = await heed(answerOf(thrown));
        throw until ? rateLimited(options, until, thrown) : thrown;
      } finally {
        done();
      }
      const until = await heed(answer);
      if (until) throw rateLimited(options, until);
      return answer;
    });
    return {};
  };
}
