import { runCommand, type CommandOptions } from '../../command.ts';
import type { FileWrite } from '../apply.ts';
import { decode } from '../tree.ts';

/*
 * A commit over the API has exactly the bytes that it is given; nobody turns line ends as `git add` does. Where the attributes of a repository
 * say CRLF, the working tree has that and git stores LF: what is sent must be what git would store, or each line of the file is another one.
 */

async function git(args: readonly string[], options: CommandOptions): Promise<string> {
  const { code, output } = await runCommand('git', args, { ...options, env: { ...options.env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' } });
  return code === 0 ? output : '';
}

/** Tracked files that git stores with LF, whatever the working tree has. */
async function storedWithLf(paths: readonly string[], options: CommandOptions): Promise<Map<string, boolean>> {
  const listed = (await git(['ls-files', '--eol', '-z', '--', ...paths.map((path) => `:(literal)${path}`)], options)).split('\0');
  return new Map(
    listed.flatMap((line) => {
      const [, stored, path] = /^i\/(\S*)[^\t]*\t(.+)$/s.exec(line) ?? [];
      return path === undefined ? [] : [[path, stored === 'lf'] as const];
    }),
  );
}

/** Files that git would store with LF if they were added now, by attributes and configuration. */
async function wouldStoreLf(paths: readonly string[], options: CommandOptions): Promise<Set<string>> {
  const fields = (await git(['check-attr', '-z', 'text', 'eol', '--', ...paths], options)).split('\0');
  const turned = /^(?:true|input)$/.test((await git(['config', 'core.autocrlf'], options)).trim());
  const values = new Map(paths.map((path) => [path, new Map<string, string>()]));
  for (let at = 0; at + 2 < fields.length; at += 3) values.get(fields[at] ?? '')?.set(fields[at + 1] ?? '', fields[at + 2] ?? '');
  const isText = (attributes: Map<string, string>) => {
    const text = attributes.get('text') ?? 'unspecified';
    if (text !== 'unspecified') return text !== 'unset';
    return turned || /^(?:lf|crlf)$/.test(attributes.get('eol') ?? '');
  };
  return new Set([...values].flatMap(([path, attributes]) => (isText(attributes) ? [path] : [])));
}

function textOf({ content }: FileWrite): string | null {
  return Buffer.isBuffer(content) ? decode(content) : content;
}

/** The same files as git would store them. */
export async function asStored(writes: readonly FileWrite[], options: CommandOptions): Promise<FileWrite[]> {
  const turned = writes.filter((write) => textOf(write)?.includes('\r\n')).map(({ path }) => path);
  if (turned.length === 0) return [...writes];
  const tracked = await storedWithLf(turned, options);
  const added = await wouldStoreLf(
    turned.filter((path) => !tracked.has(path)),
    options,
  );
  return writes.map((write) =>
    tracked.get(write.path) || added.has(write.path) ? { ...write, content: textOf(write)?.replaceAll('\r\n', '\n') ?? null } : write,
  );
}
