import type { z } from 'zod';
import { domainSection } from '../config/instance.ts';
import type { InstanceContext } from '../config/instance.ts';
import type { Intent } from '../domain/intents.ts';
import type { TicketSnapshot } from '../domain/model.ts';
import type { Brief, Finish, RoleAgent, RoleLimits, Salvage } from '../engine/role.ts';
import type { TaskSession } from '../engine/session.ts';
import type { ToolPermission } from '../tools/tool.ts';
import { BanyanError } from '../kernel/errors.ts';
import { assemblePrompt, type PromptContext } from './prompts/assemble.ts';
import { resultName } from './results.ts';

/** Where a repository's owner speaks to agents; the first that exists counts. */
const INSTRUCTION_FILES = ['AGENTS.md', 'CLAUDE.md'];

/** From the default branch only: a branch under work could otherwise instruct those who judge it. */
async function repositoryInstructions({ repository, project }: TaskSession): Promise<PromptContext['repositoryInstructions']> {
  const read = async (path: string) => ({ path, text: await repository.source.file(path, project.default_branch) });
  for (const { path, text } of await Promise.all(INSTRUCTION_FILES.map(read))) if (text !== null) return { path, text };
  return null;
}

/**
 * What every role is built on. A child makes a role its own at two points: `getDomainContext()` adds what a newcomer to its
 * domain must know, `customizePrompt()` has the last word on the whole system prompt. Neither can change tools,
 * permissions or gates: those are code.
 */
export abstract class BaseAgent<Result = unknown> implements RoleAgent<Result> {
  abstract readonly role: string;
  abstract readonly resultSchema: z.ZodType<Result>;
  abstract readonly permissions: readonly ToolPermission[];
  abstract readonly limits: RoleLimits;

  /** Name of the tool by which the model hands in its result: `submit_<role>_result`. */
  get resultName(): string {
    return resultName(this.role);
  }

  /** The role's own instructions: goal, way of working, what done means. Markdown. */
  protected abstract rolePrompt(): string;

  /** The first message of the conversation: the issue, its discussion, evidence. Strangers' text inside marked blocks. */
  protected abstract opening(session: TaskSession): string | Promise<string>;

  /**
   * Knowledge of the domain for the system prompt: terms, rules, what tends to go wrong. Markdown.
   * @default '' (nothing)
   */
  getDomainContext(): string | Promise<string> {
    return '';
  }

  /**
   * The last word on the assembled system prompt.
   * @param prompt the whole prompt as it would be used
   * @returns the prompt that is used
   * @default the prompt as it is
   */
  customizePrompt(prompt: string, _context: PromptContext): string | Promise<string> {
    return prompt;
  }

  /** What the prompt is assembled from. */
  protected async promptContext(session: TaskSession): Promise<PromptContext> {
    const { project, ticket, task, phase } = session;
    return {
      role: this.role,
      repository: `${project.owner}/${project.name}`,
      defaultBranch: project.default_branch,
      baseBranch: session.base,
      issueNumber: ticket.number,
      issueTitle: ticket.title,
      phase: { name: task.phase, prompt: phase.prompt, done: phase.done, discovery: phase.discovery },
      repositoryInstructions: await repositoryInstructions(session),
    };
  }

  /**
   * The commit whose files the conversation works on.
   * @default the head of the branch that the work is made for
   * @throws BanyanError `not_found` where the branch does not exist (an empty repository)
   */
  async revision(session: TaskSession): Promise<string> {
    const branch = session.base;
    const head = await session.repository.source.head(branch);
    if (head) return head;
    throw new BanyanError('not_found', `The repository has no branch "${branch}".`, {
      retry: 'needs_human',
      fix: `Push a first commit to ${branch}.`,
    });
  }

  async brief(session: TaskSession): Promise<Brief> {
    const system = await this.systemPrompt(await this.promptContext(session), session.instance);
    return { system, opening: await this.opening(session) };
  }

  /** The system prompt of a conversation. @param instance whose domain and skills the prompt holds */
  async systemPrompt(context: PromptContext, instance: InstanceContext): Promise<string> {
    const prompt = assemblePrompt({
      rolePrompt: this.rolePrompt(),
      domainContext: domainSection(instance, this.role, await this.getDomainContext()),
      resultName: this.resultName,
      context,
    });
    return this.customizePrompt(prompt, context);
  }

  /** @default nothing */
  async start(_session: TaskSession): Promise<Intent[]> {
    return [];
  }

  /** @default every result that parses is taken */
  async check(_session: TaskSession, _result: Result, _attempt: number): Promise<string | null> {
    return null;
  }

  abstract finish(session: TaskSession, result: Result, snapshot: TicketSnapshot): Promise<Finish>;

  /** @default nothing is under way on GitHub */
  async abandon(_session: TaskSession, _reason: string): Promise<void> {}

  /** @default there is nothing to keep */
  async salvage(_session: TaskSession): Promise<Salvage | null> {
    return null;
  }
}
