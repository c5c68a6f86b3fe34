import { z } from 'zod';
import type { Workspace } from '../context/workspace.ts';
import { holdsConflict } from '../domain/update-issue.ts';
import type { TaskSession } from '../engine/session.ts';
import { BanyanError } from '../kernel/errors.ts';

/**
 * Work on an update stands on the update's own commit. Where that is gone from its branch (made anew, deleted) or is part of the default branch by now,
 * a pull request would bring more than the work; nothing goes on then.
 * @throws BanyanError `conflict` (needs_human)
 */
export async function requireBase({ ticket, project, repository, base }: TaskSession, sha: string): Promise<void> {
  if (!ticket.base_branch) return;
  const { source } = repository;
  const fix = `If the update is over, close this issue. Else close the pull request of this work, delete its branch, and comment \`/banyan retry\`: work begins anew on \`${base}\` as it is then.`;
  if ((await source.head(base)) === null) {
    throw new BanyanError('conflict', `the branch ${base} of the update is gone`, { retry: 'needs_human', fix });
  }
  const common = await source.mergeBase(base, sha);
  if ((await source.mergeBase(project.default_branch, common)) !== common) return;
  throw new BanyanError('conflict', `the branch ${base} of the update was made anew, or merged, since this work began`, { retry: 'needs_human', fix });
}

const bookSchema = z.object({
  conflicts: z.record(z.string(), z.union([z.literal(false), z.object({ lookalikes: z.array(z.string()).default([]) })])).default({}),
});

/** Of what an update left conflicts in, by the books of the children in a repository: how many lines look like markers and belong there; false: nobody is to look. */
function leftByUpdates(files: Files): Map<string, number | false> {
  const books = files.list().filter((path) => /(?:^|\/)\.banyan\/template\.json$/.test(path));
  return new Map(
    books.flatMap((path) => {
      const prefix = path.slice(0, -'.banyan/template.json'.length);
      const { data } = bookSchema.safeParse(parse(textOf(files, path)));
      return Object.entries(data?.conflicts ?? {}).map(([file, left]) => [prefix + file, left === false ? left : left.lookalikes.length] as const);
    }),
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

type Files = Pick<Workspace, 'list' | 'readBytes' | 'isProtected'>;

function textOf(files: Files, path: string): string {
  return Buffer.from(files.readBytes(path) ?? []).toString('utf8');
}

/** Files in which conflicts of an update are left. Those that no agent may change are people's: their markers hold up nobody else's work. */
export function filesWithConflicts(files: Files): string[] {
  const known = leftByUpdates(files);
  return files.list().filter((path) => {
    if (files.isProtected(path)) return false;
    const left = known.get(path) ?? null;
    return left !== false && holdsConflict(textOf(files, path), left);
  });
}
