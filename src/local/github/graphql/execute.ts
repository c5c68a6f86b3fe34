import type { GraphQLError, GraphQLSchema } from 'graphql';
import { buildSchema, execute, parse, validate } from 'graphql';
import type { Actor } from '../core/access.ts';
import { Fault } from '../core/fault.ts';
import type { Forge } from '../core/forge.ts';
import type { JsonObject } from '../core/model.ts';
import type { Reply } from '../http/call.ts';
import { objectOf } from '../http/input.ts';
import type { Context } from './context.ts';
import { isVisible, typedError, unresolvedNode } from './context.ts';
import { actorObject } from './git-objects.ts';
import { changeAutoMerge, changeDraft, changeThread, createCommitOnBranch } from './mutations.ts';
import { nodeObject, repositoryObject } from './objects.ts';
import { SDL } from './schema.ts';

const SCHEMA: GraphQLSchema = buildSchema(SDL);

type Input<F extends (context: Context, input: never, ...rest: never[]) => unknown> = { input: Parameters<F>[1] };

/** The fields of Query and Mutation, by name as graphql-js calls them. */
const ROOT = {
  viewer: (_args: unknown, context: Context) =>
    context.actor.kind === 'user' || context.actor.kind === 'installation' ? actorObject(context, context.actor.account.login) : null,
  rateLimit: (_args: unknown, { forge, actor }: Context) => {
    const { reset, ...limits } = forge.limiter.primary(actor);
    return { ...limits, cost: 1, nodeCount: 0, resetAt: new Date(reset * 1000).toISOString() };
  },
  node: ({ id }: { id: string }, context: Context) => {
    const found = nodeObject(context, id);
    if (found === null) throw unresolvedNode(id);
    return found;
  },
  nodes: ({ ids }: { ids: string[] }, context: Context) => ids.map((id) => nodeObject(context, id)),
  repository: ({ owner, name }: { owner: string; name: string }, context: Context) => {
    const repository = context.forge.store.repository(owner, name);
    if (repository === undefined || !isVisible(context, repository))
      throw typedError('NOT_FOUND', `Could not resolve to a Repository with the name '${owner}/${name}'.`);
    return repositoryObject(context, repository);
  },
  user: ({ login }: { login: string }, context: Context) => ofType(actorObject(context, login), 'User', login),
  organization: ({ login }: { login: string }, context: Context) => ofType(actorObject(context, login), 'Organization', login),
  createCommitOnBranch: ({ input }: Input<typeof createCommitOnBranch>, context: Context) => createCommitOnBranch(context, input),
  markPullRequestReadyForReview: ({ input }: Input<typeof changeDraft>, context: Context) => changeDraft(context, input, false),
  convertPullRequestToDraft: ({ input }: Input<typeof changeDraft>, context: Context) => changeDraft(context, input, true),
  resolveReviewThread: ({ input }: Input<typeof changeThread>, context: Context) => changeThread(context, input, true),
  unresolveReviewThread: ({ input }: Input<typeof changeThread>, context: Context) => changeThread(context, input, false),
  enablePullRequestAutoMerge: ({ input }: Input<typeof changeAutoMerge>, context: Context) => changeAutoMerge(context, input, true),
  disablePullRequestAutoMerge: ({ input }: Input<typeof changeAutoMerge>, context: Context) => changeAutoMerge(context, input, false),
};

function ofType(found: JsonObject | null, type: string, login: string): JsonObject {
  if (found?.__typename !== type) throw typedError('NOT_FOUND', `Could not resolve to a ${type} with the login of '${login}'.`);
  return found;
}

export async function handleGraphql(forge: Forge, actor: Actor, body: JsonObject): Promise<Reply> {
  if (actor.kind === 'anonymous') throw new Fault(401, 'This endpoint requires you to be authenticated.');
  if (actor.kind === 'app') throw new Fault(403, 'You must authenticate with an installation access token in order to access this endpoint.');
  if (typeof body.query !== 'string') return { status: 200, json: { errors: [{ message: 'A query attribute must be specified and must be a string.' }] } };
  let document: ReturnType<typeof parse>;
  try {
    document = parse(body.query);
  } catch (error) {
    return { status: 200, json: { errors: [renderError(error as GraphQLError)] } };
  }
  const problems = validate(SCHEMA, document);
  if (problems.length > 0) return { status: 200, json: { errors: problems.map(renderError) } };
  const context: Context = { forge, actor };
  const result = await execute({
    schema: SCHEMA,
    document,
    rootValue: ROOT,
    contextValue: context,
    variableValues: objectOf(body.variables),
    operationName: typeof body.operationName === 'string' ? body.operationName : null,
  });
  const errors = result.errors?.map(renderError);
  return { status: 200, json: { ...(result.data === undefined ? {} : { data: result.data }), ...(errors === undefined ? {} : { errors }) } };
}

function renderError(error: GraphQLError): JsonObject {
  const { type } = error.extensions;
  const own = error.originalError instanceof Fault ? { type: error.originalError.status === 403 ? 'FORBIDDEN' : 'UNPROCESSABLE' } : {};
  return {
    ...own,
    ...(type === undefined ? {} : { type }),
    ...(error.path === undefined ? {} : { path: error.path }),
    ...(error.locations === undefined ? {} : { locations: error.locations }),
    message: error.message,
  };
}
