import { isBuiltin } from 'node:module';
import { BanyanError } from '../kernel/errors.ts';
import { asciiSlug } from '../kernel/text.ts';

/** GitHub takes 100 characters for a repository and Vercel 100 for a project; addresses made of it must stay below 63. */
export const MAX_NAME = 60;

/** Names that npm, Windows or Banyan itself keep for something else; a project named as its own dependency cannot be installed. */
const RESERVED = /^(?:banyan|node-modules|favicon-ico|npm|node)$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/;

/** What a name becomes where it may be chosen freely: `My Shop!` is `my-shop`. */
export interface NameProposal {
  name: string;
  changed: boolean;
}

export function isName(name: string): boolean {
  return /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name) && name.length <= MAX_NAME && !isReserved(name);
}

function isReserved(name: string): boolean {
  // `git` cuts a trailing `.git`, and GitHub refuses it.
  return RESERVED.test(name) || RESERVED.test(name.replaceAll(/[._]/g, '-')) || isBuiltin(name) || /\.(?:git|wiki)$/.test(name);
}

/**
 * A name that npm, GitHub, Vercel and every file system take.
 * @throws BanyanError `config_invalid` where nothing of the text can be kept
 */
export function proposeName(text: string): NameProposal {
  const wanted = text.trim();
  if (isName(wanted)) return { name: wanted, changed: false };
  const plain = asciiSlug(wanted, MAX_NAME);
  if (plain === '') {
    throw new BanyanError('config_invalid', `name: nothing of "${wanted.slice(0, 80)}" can stand in the name of a package.`, {
      fix: 'Give a name with Latin letters or digits, such as `my-shop`; the folder may be called as you like: --dir.',
      data: { field: 'name' },
    });
  }
  return { name: isReserved(plain) ? `${plain}-team` : plain, changed: true };
}
