import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOOK_PATH, readBook, type Book } from '../book.ts';

/** @throws BanyanError `not_found` where the folder is no child */
export function readChildBook(root: string): Book {
  const path = join(root, BOOK_PATH);
  return readBook(existsSync(path) ? readFileSync(path, 'utf8') : null);
}
