import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { GitRepository } from './repository.ts';

const run = promisify(execFile);
const MAX_BYTES = 1024 * 1024 * 1024;

export interface ArchiveRequest {
  sha: string;
  /** The one folder at the top of the archive. */
  folder: string;
  format: 'tar.gz' | 'zip';
}

/** A commit's files as an archive. */
export async function archive(git: GitRepository, { sha, folder, format }: ArchiveRequest): Promise<Buffer> {
  const args = ['--git-dir', git.dir, 'archive', `--format=${format}`, `--prefix=${folder}/`, sha];
  const { stdout } = await run('git', args, { encoding: 'buffer', maxBuffer: MAX_BYTES });
  return stdout;
}
