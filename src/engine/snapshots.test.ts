import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { Project } from '../domain/model.ts';
import type { Repository } from '../github/repository.ts';
import { createSnapshotCache } from './snapshots.ts';

const MB = 1024 * 1024;

async function archive(bytes: number): Promise<Uint8Array> {
  const tar = pack();
  tar.entry({ name: 'acme-shop-sha/data' }, Buffer.alloc(bytes));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return promisify(gzip)(Buffer.concat(chunks));
}

/** Repositories whose every commit has one file of so many bytes, and what was fetched of them. */
async function repositories(bytes: number) {
  const answer = await archive(bytes);
  const fetched: string[] = [];
  const cache = createSnapshotCache();
  async function get(id: string, sha: string): Promise<void> {
    const source = { tarball: (commit: string) => (fetched.push(`${id}@${commit}`), Promise.resolve(answer)) };
    const repository = { project: { id } as Project, source: source as Partial<Repository['source']> } as Repository;
    await cache.get(repository, sha, 200 * MB);
  }
  return { fetched, get };
}

describe('trees of commits', () => {
  it('are fetched once for all roles, however many issues are worked on in between', async () => {
    const { fetched, get } = await repositories(1_000);
    const ids = Array.from({ length: 20 }, (_, index) => `project-${index}`);
    for (let role = 0; role < 4; role += 1) for (const id of ids) await get(id, 'head');
    expect(fetched).toEqual(ids.map((id) => `${id}@head`));
  });

  it('are given up, the one that was wanted longest ago first, where they are large', async () => {
    const { fetched, get } = await repositories(30 * MB);
    for (const id of ['a', 'b', 'a', 'c', 'd', 'a', 'd', 'b']) await get(id, 'head');
    expect(fetched).toEqual(['a@head', 'b@head', 'c@head', 'd@head', 'a@head', 'b@head']);
  });
});
