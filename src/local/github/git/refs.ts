import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSha } from './objects.ts';

/** The rules of `git check-ref-format`, so that no name can leave the refs folder or look like an option. */
export function isValidRef(ref: string): boolean {
  if (!ref.startsWith('refs/') || ref.length > 250 || ref.split('/').length < 3) return false;
  // oxlint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/.test(ref)) return false;
  return ref.split('/').every((part) => part !== '' && part !== '@' && !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.lock'));
}

/** Refs of one bare repository as files, with the packed file as fallback. Names are checked by the caller with `isValidRef`. */
export class RefStore {
  readonly #gitDir: string;

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  read(ref: string): string | undefined {
    if (!isValidRef(ref)) return undefined;
    const path = join(this.#gitDir, ref);
    if (existsSync(path) && statSync(path).isFile()) {
      const sha = readFileSync(path, 'utf8').trim();
      return isSha(sha) ? sha : undefined;
    }
    return this.#packed().get(ref);
  }

  /** All refs below a prefix such as `refs/heads/`, sorted by name. */
  list(prefix = 'refs/'): Map<string, string> {
    const found = new Map<string, string>();
    for (const [ref, sha] of this.#packed()) if (ref.startsWith(prefix)) found.set(ref, sha);
    for (const ref of this.#files('refs')) {
      const sha = ref.startsWith(prefix) ? this.read(ref) : undefined;
      if (sha !== undefined) found.set(ref, sha);
    }
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** False when another ref's name stands in the way (`a` against `a/b`). */
  write(ref: string, sha: string): boolean {
    const conflict = [...this.list().keys()].some((other) => other.startsWith(`${ref}/`) || ref.startsWith(`${other}/`));
    if (conflict) return false;
    const path = join(this.#gitDir, ref);
    if (existsSync(path) && statSync(path).isDirectory()) rmSync(path, { recursive: true });
    mkdirSync(dirname(path), { recursive: true });
    const temporary = join(this.#gitDir, `ref.${process.pid}.tmp`);
    writeFileSync(temporary, `${sha}\n`);
    renameSync(temporary, path);
    return true;
  }

  delete(ref: string): void {
    if (this.#packed().has(ref)) {
      execFileSync('git', ['--git-dir', this.#gitDir, 'update-ref', '-d', ref]);
      return;
    }
    rmSync(join(this.#gitDir, ref), { force: true });
    this.#removeEmptyFolders(dirname(ref));
  }

  #removeEmptyFolders(folder: string): void {
    if (folder.split('/').length < 3) return;
    const path = join(this.#gitDir, folder);
    if (!existsSync(path) || readdirSync(path).length > 0) return;
    rmdirSync(path);
    this.#removeEmptyFolders(dirname(folder));
  }

  #files(folder: string): string[] {
    return readdirSync(join(this.#gitDir, folder), { withFileTypes: true }).flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return this.#files(name);
      return entry.name.endsWith('.lock') ? [] : [name];
    });
  }

  #packed(): Map<string, string> {
    const path = join(this.#gitDir, 'packed-refs');
    if (!existsSync(path)) return new Map();
    const lines = readFileSync(path, 'utf8').split('\n');
    return new Map(lines.filter((line) => /^[0-9a-f]{40} /.test(line)).map((line) => [line.slice(41), line.slice(0, 40)]));
  }
}
