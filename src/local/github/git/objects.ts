import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { BanyanError } from '../../../kernel/errors.ts';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export interface GitObject {
  type: ObjectType;
  data: Buffer;
}

const SHA = /^[0-9a-f]{40}$/;
/** Blobs beyond this size are read again rather than remembered. */
const CACHE_OBJECT_BYTES = 256 * 1024;
const CACHE_OBJECTS = 4000;

export function isSha(text: string): boolean {
  return SHA.test(text);
}

/**
 * Objects of one bare repository, read and written in this process: a `git` process costs milliseconds, a loose object tens of
 * microseconds. The repositories are configured never to pack; should somebody pack one by hand, reading falls back to `git cat-file`.
 */
export class ObjectStore {
  readonly #gitDir: string;
  readonly #cache = new Map<string, GitObject>();

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  /** Undefined when there is no such object. */
  read(sha: string): GitObject | undefined {
    if (!isSha(sha)) return undefined;
    const cached = this.#cache.get(sha);
    if (cached !== undefined) return cached;
    const path = this.#path(sha);
    const object = existsSync(path) ? parseLoose(readFileSync(path)) : this.#readPacked(sha);
    if (object !== undefined) this.#remember(sha, object);
    return object;
  }

  has(sha: string): boolean {
    return this.read(sha) !== undefined;
  }

  write(type: ObjectType, data: Buffer): string {
    const raw = Buffer.concat([Buffer.from(`${type} ${data.length}\0`), data]);
    const sha = createHash('sha1').update(raw).digest('hex');
    const path = this.#path(sha);
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      writeFileSync(temporary, deflateSync(raw, { level: 1 }), { mode: 0o444 });
      renameSync(temporary, path);
    }
    this.#remember(sha, { type, data });
    return sha;
  }

  #path(sha: string): string {
    return join(this.#gitDir, 'objects', sha.slice(0, 2), sha.slice(2));
  }

  #remember(sha: string, object: GitObject): void {
    if (object.data.length > CACHE_OBJECT_BYTES) return;
    if (this.#cache.size >= CACHE_OBJECTS) {
      const oldest = this.#cache.keys().next();
      if (!oldest.done) this.#cache.delete(oldest.value);
    }
    this.#cache.set(sha, object);
  }

  #readPacked(sha: string): GitObject | undefined {
    if (!hasPacks(this.#gitDir)) return undefined;
    const output = execFileSync('git', ['--git-dir', this.#gitDir, 'cat-file', '--batch'], {
      input: `${sha}\n`,
      maxBuffer: 1024 * 1024 * 1024,
    });
    const end = output.indexOf(10);
    const [, type, size] = output.subarray(0, end).toString().split(' ');
    if (size === undefined) return undefined;
    return { type: toType(type ?? ''), data: output.subarray(end + 1, end + 1 + Number(size)) };
  }
}

function hasPacks(gitDir: string): boolean {
  const folder = join(gitDir, 'objects', 'pack');
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((name) => name.endsWith('.pack'));
}

function parseLoose(file: Buffer): GitObject {
  const raw = inflateSync(file);
  const end = raw.indexOf(0);
  const [type] = raw.subarray(0, end).toString().split(' ');
  return { type: toType(type ?? ''), data: raw.subarray(end + 1) };
}

function toType(text: string): ObjectType {
  if (text === 'blob' || text === 'tree' || text === 'commit' || text === 'tag') return text;
  throw new BanyanError('internal', `unknown git object type "${text}"`);
}
