import { GraphQLError } from 'graphql';
import type { Actor, Need } from '../core/access.ts';
import { actorRole, authorize } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import type { Repository } from '../core/model.ts';

export interface Context {
  forge: Forge;
  actor: Actor;
}

/** GitHub puts the kind of an error beside its message. */
export function typedError(type: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { type } });
}

export function unresolvedNode(id: string): GraphQLError {
  return typedError('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'.`);
}

export function isVisible({ forge, actor }: Context, repository: Repository): boolean {
  return actorRole(forge.store, repository, actor) !== null;
}

/** The REST rules, in GraphQL's words. */
export function require(context: Context, repository: Repository, need: Need): void {
  try {
    authorize(context.forge.store, repository, { actor: context.actor, need });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw typedError(error.status === 404 ? 'NOT_FOUND' : 'FORBIDDEN', error.message);
  }
}

export interface ConnectionArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
}

export interface Connection<T> {
  nodes: T[];
  totalCount: number;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** A page of a list; cursors are positions. */
export function connect<I, T>(items: readonly I[], args: ConnectionArguments, build: (item: I) => T): Connection<T> {
  const after = args.after == null ? 0 : Number(Buffer.from(args.after, 'base64').toString().replace('cursor:', '')) || 0;
  const start = args.last == null ? after : Math.max(items.length - args.last, 0);
  const end = Math.min(start + (args.first ?? args.last ?? 100), items.length);
  const cursor = (at: number) => (end > start ? Buffer.from(`cursor:${at}`).toString('base64') : null);
  return {
    nodes: items.slice(start, end).map(build),
    totalCount: items.length,
    pageInfo: { hasNextPage: end < items.length, hasPreviousPage: start > 0, startCursor: cursor(start + 1), endCursor: cursor(end) },
  };
}
