import { BanyanError } from '../kernel/errors.ts';
import type { ToolWorkspace } from './tool.ts';

export function isUnchanged(workspace: ToolWorkspace, path: string, content: string): boolean {
  try {
    return workspace.read(path) === content;
  } catch (error) {
    if (error instanceof BanyanError) return false;
    throw error;
  }
}
