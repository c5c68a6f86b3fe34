import { z } from 'zod';
import { boundText } from './text.ts';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  path: z.string().optional().describe('A folder, relative to the root of the repository; everything when absent'),
  glob: z.string().optional().describe('For example `**/*.ts` or `*.md`; without a slash it matches names in any folder'),
});

const MAX_ENTRIES = 400;

/** Where there are too many files, how many each folder has: what a model needs to ask again more narrowly. */
function summary(paths: readonly string[], depth: number): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const parts = path.split('/');
    const folder = parts.length > depth ? `${parts.slice(0, depth).join('/')}/` : path;
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].toSorted(([a], [b]) => a.localeCompare(b)).map(([folder, count]) => (folder.endsWith('/') ? `${folder} (${count} files)` : folder));
}

export const listFiles: AgentTool<typeof schema> = {
  name: 'list_files',
  description: 'List the files of the repository, as they are now with your changes. Narrow it by a folder or a glob.',
  schema,
  permission: 'read',
  async execute({ path, glob }, { workspace, limits }) {
    const found = workspace.list({ ...(path === undefined ? {} : { path }), ...(glob === undefined ? {} : { glob }) });
    if (found.length === 0) {
      const where = [path && `below ${path}`, glob && `matching ${glob}`].filter(Boolean).join(' ');
      return `No files ${where}`.trim() + `. The repository has ${workspace.list().length} files.`;
    }
    if (found.length <= MAX_ENTRIES) return boundText(`${found.length} files:\n${found.join('\n')}`, limits.maxOutputBytes);
    const depth = (path?.split('/').filter((part) => part !== '' && part !== '.').length ?? 0) + 2;
    const folders = summary(found, depth);
    return boundText(
      `${found.length} files, too many to list; by folder (give a path or a glob to see files):\n${folders.slice(0, MAX_ENTRIES).join('\n')}`,
      limits.maxOutputBytes,
    );
  },
};
