import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { readSnapshot, snapshotOf } from './snapshot.ts';

type Item = Parameters<ReturnType<typeof pack>['entry']>[0] & { content?: string | Buffer };

async function tarball(items: Item[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { content, ...header } of items) {
    if (content === undefined) archive.entry(header);
    else archive.entry(header, content);
  }
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

describe('readSnapshot', () => {
  it('reads files, modes and links below the top folder, and nothing else', async () => {
    const archive = await tarball([
      { name: 'acme-shop-abc/', type: 'directory' },
      { name: 'acme-shop-abc/README.md', content: '# Shop\n' },
      { name: 'acme-shop-abc/bin/run', mode: 0o755, content: '#!/bin/sh\n' },
      { name: 'acme-shop-abc/link', type: 'symlink', linkname: 'bin/run' },
      { name: 'acme-shop-abc/empty', content: '' },
      { name: 'acme-shop-abc/../../escape', content: 'x' },
      { name: 'acme-shop-abc/.git/config', content: 'x' },
      { name: 'acme-shop-abc/fifo', type: 'fifo' },
      { name: `acme-shop-abc/${'long/'.repeat(60)}name.txt`, content: 'deep' },
    ]);
    const snapshot = await readSnapshot(archive);
    const seen = [...snapshot.files.values()].map(({ path, mode, content }) => [path, mode, Buffer.from(content).toString()]);
    expect(seen).toEqual([
      ['README.md', '100644', '# Shop\n'],
      ['bin/run', '100755', '#!/bin/sh\n'],
      ['link', '120000', 'bin/run'],
      ['empty', '100644', ''],
      [`${'long/'.repeat(60)}name.txt`, '100644', 'deep'],
    ]);
    expect(snapshot.bytes).toBe(21);
  });

  it('reads what git itself archives', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-archive-'));
    const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: folder });
    git('init', '-q');
    await writeFile(join(folder, 'ü file'), 'text');
    git('add', '.');
    git('commit', '-qm', 'first');
    const archive = git('archive', '--format=tar.gz', '--prefix=acme-shop-abc/', 'HEAD');
    await rm(folder, { recursive: true });
    expect([...(await readSnapshot(archive)).files.keys()]).toEqual(['ü file']);
  });

  it('reads a stream', async () => {
    const archive = await tarball([{ name: 'top/a', content: 'x' }]);
    const stream = Readable.toWeb(Readable.from([archive.subarray(0, 20), archive.subarray(20)])) as ReadableStream<Uint8Array>;
    expect([...(await readSnapshot(stream)).files.keys()]).toEqual(['a']);
  });

  it('stops at too many bytes or files, with the figure', async () => {
    const files = Array.from({ length: 4 }, (_, index) => ({ name: `top/${index}`, content: 'x'.repeat(1_000) }));
    const archive = await tarball(files);
    await expect(readSnapshot(archive, { maxBytes: 3_999 })).rejects.toMatchObject({ code: 'repository_too_large', data: { maxBytes: 3_999 } });
    await expect(readSnapshot(archive, { maxFiles: 3 })).rejects.toMatchObject({
      code: 'repository_too_large',
      message: expect.stringContaining('more than 3 files'),
      fix: expect.any(String),
    });
    expect((await readSnapshot(archive, { maxBytes: 4_000, maxFiles: 4 })).files.size).toBe(4);
  });

  it('stops unpacking a bomb before it is all there', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await expect(readSnapshot(bomb, { maxBytes: 1_000_000, maxFiles: 10 })).rejects.toMatchObject({ code: 'repository_too_large' });
    const inFile = await tarball([{ name: 'top/zeros', content: Buffer.alloc(8 * 1024 * 1024) }]);
    await expect(readSnapshot(inFile, { maxBytes: 1_000_000, maxFiles: 10 })).rejects.toMatchObject({ code: 'repository_too_large' });
  });

  it('refuses what is no tarball, or half of one', async () => {
    await expect(readSnapshot(Buffer.from('<html>'))).rejects.toMatchObject({ code: 'payload_invalid', retry: 'transient' });
    const archive = await tarball([{ name: 'top/a', content: Buffer.from(Array.from({ length: 9_000 }, (_, index) => (index * 7919) % 251)) }]);
    await expect(readSnapshot(archive.subarray(0, archive.length / 2))).rejects.toMatchObject({ code: 'payload_invalid' });
  });
});

describe('snapshotOf', () => {
  it('makes a snapshot of texts', () => {
    expect(snapshotOf({ 'a/b': 'ü' }).files.get('a/b')).toMatchObject({ path: 'a/b', mode: '100644', size: 2 });
  });
});
