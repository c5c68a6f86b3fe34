import type { z } from 'zod';
import type { Workspace } from '../context/workspace.ts';
import type { ErrorCode } from '../kernel/errors.ts';

export const TOOL_PERMISSIONS = ['read', 'write', 'run', 'discover', 'ask'] as const;
export type ToolPermission = (typeof TOOL_PERMISSIONS)[number];

/** What tools need of the repository they act on. */
export type ToolWorkspace = Pick<Workspace, 'list' | 'read' | 'write' | 'remove' | 'search' | 'run'>;

export interface Discovery {
  kind: string;
  title: string;
  description: string;
}

export interface ToolContext {
  /** The model's id of this call; the idempotency key of what it does. */
  callId: string;
  workspace: ToolWorkspace;
  signal: AbortSignal;
  limits: { maxOutputBytes: number; commandTimeoutSeconds: number };
  recordDiscovery(discovery: Discovery): void;
  askHuman(question: string): void;
  /** Something of the call was not allowed, though the call itself went well: kept with its answer for who watches. */
  noteRefusal(code: ErrorCode): void;
}

/**
 * One thing that an agent may do. The answer is text for a model. What a model got wrong (no such file, a protected path, no match)
 * is thrown as a BanyanError whose message says what to do instead; the caller hands it back as the tool's error.
 */
export interface AgentTool<Schema extends z.ZodObject = z.ZodObject> {
  name: string;
  description: string;
  schema: Schema;
  permission: ToolPermission;
  execute(input: z.infer<Schema>, context: ToolContext): Promise<string>;
}
