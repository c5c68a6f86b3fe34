import { describe, expect, it } from 'vitest';
import { criticalPath } from './graph.ts';
import type { TaskGraph } from './graph.ts';

function graph(seconds: number[], edges: [number, number][]): TaskGraph {
  return { tasks: seconds.map((each, place) => ({ id: `id-${place}`, key: `t${place}`, state: 'pending', seconds: each })), edges };
}

/** Every chain of a small graph, one after another. */
function longestByTrying({ tasks, edges }: TaskGraph): number {
  const from = (place: number): number =>
    (tasks[place]?.seconds ?? 0) + Math.max(0, ...edges.filter(([task]) => task === place).map(([, before]) => from(before)));
  return Math.max(0, ...tasks.map((_, place) => from(place)));
}

/** The same numbers for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe('the critical path', () => {
  it('is the chain that takes longest, not the one with most tasks', () => {
    const path = criticalPath(
      graph(
        [10, 1, 1, 50, 5],
        [
          [1, 0],
          [2, 1],
          [4, 2],
          [3, 0],
          [4, 3],
        ],
      ),
    );
    expect([path.tasks.map(({ key }) => key), path.seconds]).toEqual([['t0', 't3', 't4'], 65]);
  });

  it('of nothing is empty, and of tasks that nothing binds is the longest of them', () => {
    expect(criticalPath(graph([], []))).toEqual({ tasks: [], seconds: 0 });
    expect(criticalPath(graph([3, 0, 7], [])).tasks.map(({ key }) => key)).toEqual(['t2']);
  });

  it('is as long as trying every chain of random graphs says, and is a chain', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const draw = numbers(seed);
      const size = 2 + Math.floor(draw() * 8);
      const edges: [number, number][] = [];
      for (let task = 1; task < size; task += 1) for (let before = 0; before < task; before += 1) if (draw() < 0.35) edges.push([task, before]);
      const given = graph(
        Array.from({ length: size }, () => Math.floor(draw() * 20)),
        edges,
      );
      const path = criticalPath(given);
      expect(path.seconds).toBe(longestByTrying(given));
      expect(path.tasks.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(path.seconds);
      const places = path.tasks.map(({ key }) => Number(key.slice(1)));
      for (const [index, place] of places.slice(1).entries()) expect(edges).toContainEqual([place, places[index]]);
    }
  });

  it('refuses a circle', () => {
    const circle: [number, number][] = [
      [0, 1],
      [1, 0],
    ];
    expect(() => criticalPath(graph([1, 1], circle))).toThrow('circle');
  });
});
