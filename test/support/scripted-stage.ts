import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { z } from 'zod';
import { createModels } from '../../src/llm/models.ts';
import { toolsFor } from '../../src/tools/index.ts';
import type { AgentTool, ToolContext, ToolPermission, ToolWorkspace } from '../../src/tools/tool.ts';
import { RESULT_SCHEMAS, resultName } from '../../src/agents/results.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import type { Role } from '../../src/domain/model.ts';
import type { SandboxResult } from '../../src/sandbox/types.ts';

/** A folder with a small repository in it, and the tools of agents upon it. */
export interface Stage {
  folder: string;
  read(path: string): string;
  /** Runs `node --test` in it. */
  suite(): { passed: boolean; output: string };
  /** Plays one conversation from its messages until the result is handed in. */
  play(role: Role, messages: BaseMessage[]): Promise<{ result: Record<string, unknown>; messages: BaseMessage[] }>;
  dispose(): void;
}

const PERMISSIONS: Record<Role, readonly ToolPermission[]> = {
  'product-owner': ['read'],
  developer: ['read', 'write', 'run'],
  qa: ['read', 'run'],
  reviewer: ['read'],
};

const MAX_TURNS = 12;

function workspaceIn(folder: string): ToolWorkspace {
  return {
    list: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)),
    read(path) {
      if (!existsSync(join(folder, path))) throw new BanyanError('not_found', `no file ${path}`);
      return readFileSync(join(folder, path), 'utf8');
    },
    write(path, content) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    },
    remove: (path) => rmSync(join(folder, path)),
    search: () => ({ matches: [], total: 0 }),
    run({ command }): Promise<SandboxResult> {
      const run = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` } });
      return Promise.resolve({ exitCode: run.status ?? 1, output: run.stdout + run.stderr, timedOut: false, truncated: false, durationMs: 1 });
    },
  };
}

async function answer(
  tool: AgentTool | undefined,
  call: { name: string; args: Record<string, unknown>; id?: string },
  workspace: ToolWorkspace,
): Promise<ToolMessage> {
  if (!tool) throw new Error(`the script called ${call.name}, which its role does not have`);
  const context: ToolContext = {
    callId: call.id ?? '',
    workspace,
    signal: new AbortController().signal,
    limits: { maxOutputBytes: 30_000, commandTimeoutSeconds: 60 },
    recordDiscovery: () => undefined,
    askHuman: () => undefined,
    noteRefusal: () => undefined,
  };
  return new ToolMessage({ name: call.name, tool_call_id: call.id ?? '', content: await tool.execute(tool.schema.parse(call.args), context) });
}

export function openStage(files: Record<string, string>): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'banyan-scripted-'));
  const workspace = workspaceIn(folder);
  for (const [path, content] of Object.entries(files)) workspace.write(path, content);
  return {
    folder,
    read: (path) => workspace.read(path),
    suite() {
      const run = spawnSync(process.execPath, ['--test'], { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } });
      return { passed: run.status === 0, output: run.stdout + run.stderr };
    },
    async play(role, given) {
      const { model } = await createModels({ byRole: {} }).forRole(role, { taskId: 't', runId: 'r' });
      const submit = { type: 'function', function: { name: resultName(role), parameters: z.toJSONSchema(RESULT_SCHEMAS[role], { io: 'output' }) } };
      const tools = toolsFor(PERMISSIONS[role]);
      const bound = model.bindTools?.([...tools.map(({ name, description }) => ({ type: 'function', function: { name, description } })), submit]);
      const messages = [...given];
      for (let turn = 0; turn < MAX_TURNS; turn += 1) {
        const said = (await bound?.invoke(messages)) as AIMessage;
        messages.push(said);
        for (const call of said.tool_calls ?? []) {
          if (call.name === resultName(role)) {
            const result = RESULT_SCHEMAS[role].parse(call.args) as Record<string, unknown>;
            messages.push(new ToolMessage({ name: call.name, tool_call_id: call.id ?? '', content: 'Accepted.' }));
            return { result, messages };
          }
          messages.push(
            await answer(
              tools.find((tool) => tool.name === call.name),
              call,
              workspace,
            ),
          );
        }
      }
      throw new Error(`${role} handed in nothing in ${MAX_TURNS} turns`);
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function opening(text: string): BaseMessage[] {
  return [new SystemMessage('The rules.'), new HumanMessage(text)];
}
