import type { Octokit } from '@octokit/rest';
import type { Project } from '../domain/model.ts';
import { githubError } from './errors.ts';

/** How the parts below call GitHub: every failure leaves as a BanyanError. */
export interface Calls {
  octokit: Octokit;
  owner: string;
  repo: string;
  /** Runs one call and maps its failure. */
  ask: <T>(call: () => Promise<T>) => Promise<T>;
  /** The same, with null for 404. */
  find: <T>(call: () => Promise<T>) => Promise<T | null>;
  graphql: <T>(query: string, variables: Record<string, unknown>) => Promise<T>;
}

interface GraphqlAnswer {
  data?: unknown;
  errors?: { type?: string; message: string }[];
}

/** GraphQL answers 200 whatever happened; this is what REST would have answered. */
const GRAPHQL_STATUS: Record<string, number> = { NOT_FOUND: 404, STALE_DATA: 409, FORBIDDEN: 403, RATE_LIMITED: 429 };

export function createCalls(octokit: Octokit, project: Project, graphqlUrl: string): Calls {
  const ask = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw githubError(error);
    }
  };
  return {
    octokit,
    owner: project.owner,
    repo: project.name,
    ask,
    async find(call) {
      try {
        return await ask(call);
      } catch (error) {
        if (githubError(error).code === 'not_found') return null;
        throw error;
      }
    },
    async graphql<T>(query: string, variables: Record<string, unknown>): Promise<T> {
      const answer = await ask(() => octokit.request(`POST ${graphqlUrl}`, { query, variables }));
      const body = answer.data as GraphqlAnswer;
      const failure = body.errors?.[0];
      if (failure) {
        const { headers } = answer;
        const status = GRAPHQL_STATUS[failure.type ?? ''] ?? 422;
        throw githubError(Object.assign(new Error(failure.message), { status, response: { headers }, request: { method: 'POST', url: '/graphql' } }));
      }
      return body.data as T;
    },
  };
}
