/** The byte formats of trees, commits and tags, and back. Pure. */

export interface TreeEntry {
  mode: string;
  name: string;
  sha: string;
}

export interface Signature {
  name: string;
  email: string;
  /** ISO 8601 in UTC, to the second. */
  date: string;
}

export interface Commit {
  tree: string;
  parents: string[];
  author: Signature;
  committer: Signature;
  message: string;
  signature: string | null;
}

export interface Tag {
  object: string;
  type: string;
  tag: string;
  tagger: Signature;
  message: string;
}

export function parseTree(data: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(32, at);
    const zero = data.indexOf(0, space);
    entries.push({
      mode: data.subarray(at, space).toString().padStart(6, '0'),
      name: data.subarray(space + 1, zero).toString(),
      sha: data.subarray(zero + 1, zero + 21).toString('hex'),
    });
    at = zero + 21;
  }
  return entries;
}

/** Git sorts folders as if their names ended in a slash. */
export function formatTree(entries: TreeEntry[]): Buffer {
  const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.mode === '040000' ? `${entry.name}/` : entry.name) }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return Buffer.concat(keyed.flatMap(({ entry }) => [Buffer.from(`${entry.mode.replace(/^0/, '')} ${entry.name}\0`), Buffer.from(entry.sha, 'hex')]));
}

export function parseCommit(data: Buffer): Commit {
  const { headers, message } = splitHeaders(data.toString());
  return {
    tree: first(headers, 'tree'),
    parents: headers.filter(([key]) => key === 'parent').map(([, value]) => value),
    author: parseSignature(first(headers, 'author')),
    committer: parseSignature(first(headers, 'committer')),
    message,
    signature: headers.find(([key]) => key === 'gpgsig')?.[1] ?? null,
  };
}

export function formatCommit(commit: Omit<Commit, 'signature'>): Buffer {
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${formatSignature(commit.author)}`,
    `committer ${formatSignature(commit.committer)}`,
    '',
    commit.message,
  ];
  return Buffer.from(lines.join('\n'));
}

export function parseTag(data: Buffer): Tag {
  const { headers, message } = splitHeaders(data.toString());
  return {
    object: first(headers, 'object'),
    type: first(headers, 'type'),
    tag: first(headers, 'tag'),
    tagger: parseSignature(first(headers, 'tagger')),
    message,
  };
}

export function formatTag(tag: Tag): Buffer {
  const head = [`object ${tag.object}`, `type ${tag.type}`, `tag ${tag.tag}`, `tagger ${formatSignature(tag.tagger)}`];
  return Buffer.from([...head, '', tag.message].join('\n'));
}

function splitHeaders(text: string): { headers: [string, string][]; message: string } {
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const headers: [string, string][] = [];
  for (const line of head.split('\n')) {
    const last = headers.at(-1);
    if (line.startsWith(' ') && last !== undefined) last[1] += `\n${line.slice(1)}`;
    else headers.push([line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]);
  }
  return { headers, message: end < 0 ? '' : text.slice(end + 2) };
}

function first(headers: [string, string][], key: string): string {
  return headers.find(([name]) => name === key)?.[1] ?? '';
}

function parseSignature(text: string): Signature {
  const match = /^(.*?) ?<([^>]*)> (-?\d+)/.exec(text);
  const seconds = Number(match?.[3] ?? 0);
  return { name: match?.[1] ?? '', email: match?.[2] ?? '', date: toIso(new Date(seconds * 1000)) };
}

function formatSignature(signature: Signature): string {
  // Angle brackets and line breaks would end the field early.
  const clean = (text: string) => text.replace(/[<>\n\r\0]/g, '').trim();
  return `${clean(signature.name)} <${clean(signature.email)}> ${Math.floor(Date.parse(signature.date) / 1000)} +0000`;
}

export function toIso(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
