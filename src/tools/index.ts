import { askHuman } from './ask-human.ts';
import { deleteFile } from './delete-file.ts';
import { editFile } from './edit-file.ts';
import { listFiles } from './list-files.ts';
import { readFile } from './read-file.ts';
import { recordDiscovery } from './record-discovery.ts';
import { runCommand } from './run-command.ts';
import { searchCode } from './search-code.ts';
import type { AgentTool, ToolPermission } from './tool.ts';
import { writeFile } from './write-file.ts';

/** All that agents can do, in the order in which models see it. Names and fields are a contract with prompts and gateways. */
export const AGENT_TOOLS: readonly AgentTool[] = [listFiles, readFile, searchCode, writeFile, editFile, deleteFile, runCommand, recordDiscovery, askHuman];

/** The tools that a role with these permissions has. */
export function toolsFor(permissions: readonly ToolPermission[]): AgentTool[] {
  return AGENT_TOOLS.filter(({ permission }) => permissions.includes(permission));
}
