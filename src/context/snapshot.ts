import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { createGunzip } from 'node:zlib';
import { extract, type Extract } from 'tar-stream';
import { BanyanError } from '../kernel/errors.ts';
import { cleanPath } from '../sandbox/paths.ts';

type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

/** Git's own: file, executable file, symlink (whose content is its target). */
export type FileMode = '100644' | '100755' | '120000';

export interface SnapshotFile {
  path: string;
  mode: FileMode;
  size: number;
  content: Uint8Array;
}

/** A repository's tree at one commit, in memory. Never changed; what is worked on lies over it in a `Workspace`. */
export interface RepositorySnapshot {
  readonly files: ReadonlyMap<string, SnapshotFile>;
  readonly bytes: number;
}

export interface SnapshotLimits {
  /** Unpacked. @default 200 MB */
  maxBytes?: number;
  /** @default 50 000 */
  maxFiles?: number;
}

const MAX_BYTES = 200 * 1024 * 1024;
const MAX_FILES = 50_000;
/** A header, padding, and a long name for each entry; more than that around the files is not a repository but a bomb. */
const TAR_BYTES_PER_ENTRY = 4_096;

function tooLarge(what: string, data: Record<string, number>): BanyanError {
  return new BanyanError('repository_too_large', `The repository is too large to work on: ${what}.`, {
    retry: 'needs_human',
    fix: 'Take generated files and large binaries out of the repository (Git LFS), or split it.',
    data,
  });
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;

function modeOf(header: Entry['header']): FileMode | null {
  if (header.type === 'symlink') return '120000';
  if (header.type !== 'file' && header.type !== 'contiguous-file') return null;
  return (header.mode ?? 0) & 0o100 ? '100755' : '100644';
}

/** GitHub puts everything below one folder `<owner>-<repo>-<sha>/`. */
function withoutTopFolder(name: string): string | null {
  const rest = name.split('/').slice(1).join('/');
  if (rest === '' || rest.split('/').includes('.git')) return null;
  try {
    return cleanPath(rest);
  } catch {
    return null;
  }
}

/** Ends the stream as soon as more was unpacked than may be, before it is all in memory. */
function byteGuard(maxBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      seen += chunk.length;
      callback(seen > maxBytes ? tooLarge(`it unpacks to more than ${megabytes(maxBytes)}`, { maxBytes }) : null, chunk);
    },
  });
}

async function contentOf(entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function collect(archive: Extract, { maxBytes, maxFiles }: Required<SnapshotLimits>): Promise<RepositorySnapshot> {
  const files = new Map<string, SnapshotFile>();
  let bytes = 0;
  for await (const entry of archive) {
    const mode = modeOf(entry.header);
    const path = withoutTopFolder(entry.header.name);
    if (mode === null || path === null) {
      entry.resume();
      continue;
    }
    bytes += entry.header.size ?? 0;
    if (bytes > maxBytes) throw tooLarge(`its files take more than ${megabytes(maxBytes)}`, { maxBytes });
    if (files.size >= maxFiles) throw tooLarge(`it has more than ${maxFiles} files`, { maxFiles });
    const content = mode === '120000' ? Buffer.from(entry.header.linkname ?? '') : await contentOf(entry);
    entry.resume();
    files.set(path, { path, mode, size: content.length, content });
  }
  return { files, bytes };
}

/**
 * Reads the tarball that GitHub makes of a commit. Entries that are no files (or whose path leaves the tree) are left out.
 * @throws BanyanError `repository_too_large` with the figure that was exceeded, `payload_invalid` for what is no tarball
 */
export async function readSnapshot(tarGz: Uint8Array | ReadableStream<Uint8Array>, limits: SnapshotLimits = {}): Promise<RepositorySnapshot> {
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  const maxFiles = limits.maxFiles ?? MAX_FILES;
  const source = tarGz instanceof Uint8Array ? Readable.from([tarGz]) : Readable.fromWeb(tarGz as NodeReadableStream);
  const archive = extract();
  const unpacked = pipeline(source, createGunzip(), byteGuard(maxBytes + maxFiles * TAR_BYTES_PER_ENTRY), archive);
  const [snapshot, streamed] = await Promise.allSettled([collect(archive, { maxBytes, maxFiles }), unpacked]);
  // Each side fails when the other one does; the typed error is the cause, the other its echo.
  const failures = [snapshot, streamed].flatMap((side) => (side.status === 'rejected' ? [side.reason as unknown] : []));
  const typed = failures.find((reason) => reason instanceof BanyanError);
  if (typed) throw typed;
  if (snapshot.status === 'rejected' || failures.length > 0) {
    throw new BanyanError('payload_invalid', 'The repository could not be unpacked: it is not a gzipped tar archive.', {
      retry: 'transient',
      cause: failures[0],
    });
  }
  return snapshot.value;
}

/** The text of a file; null where there is none, or a symlink. */
export function snapshotText(snapshot: RepositorySnapshot, path: string): string | null {
  const file = snapshot.files.get(path);
  return file && file.mode !== '120000' ? Buffer.from(file.content).toString('utf8') : null;
}

/** A snapshot from texts, for roles and tests that have no archive. */
export function snapshotOf(files: Record<string, string>): RepositorySnapshot {
  const entries = Object.entries(files).map(([path, text]): [string, SnapshotFile] => {
    const content = Buffer.from(text);
    return [path, { path, mode: '100644', size: content.length, content }];
  });
  return { files: new Map(entries), bytes: entries.reduce((sum, [, file]) => sum + file.size, 0) };
}
