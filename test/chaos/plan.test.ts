import { describe, expect, it } from 'vitest';
import { createInjector } from '../../scripts/chaos/injector.ts';
import { CATALOGUE, FAMILIES, makePlan } from '../../scripts/chaos/plan.ts';
import type { Fault } from '../../scripts/chaos/plan.ts';
import { randomOf } from '../../scripts/chaos/random.ts';

const plan = (seed: number, issues = 13) => makePlan({ seed, issues, families: FAMILIES });
const fault = (change: Partial<Fault>): Fault => ({
  family: 'github',
  kind: '500',
  place: 'github.read',
  each: 1,
  within: 1,
  costs: 'a try',
  nth: 1,
  seconds: 2,
  ...change,
});

describe('random numbers', () => {
  it('are the same for the same seed and purpose, and others for another', () => {
    const draw = (seed: number, purpose: string) => Array.from({ length: 5 }, () => randomOf(seed, purpose).int(0, 1_000_000))[0];
    expect(draw(1, 'people')).toBe(draw(1, 'people'));
    expect(new Set([draw(1, 'people'), draw(2, 'people'), draw(1, 'clocks')]).size).toBe(3);
  });

  it('reach both ends and nothing beyond', () => {
    const random = randomOf(7, 'ends');
    expect(new Set(Array.from({ length: 300 }, () => random.int(2, 4)))).toEqual(new Set([2, 3, 4]));
  });
});

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(3)).toEqual(plan(3));
    expect(plan(3)).not.toEqual(plan(4));
  });

  it('has every kind of fault, however few issues there are', () => {
    expect(new Set(plan(1, 1).map(({ kind, place }) => `${kind} at ${place}`))).toEqual(new Set(CATALOGUE.map(({ kind, place }) => `${kind} at ${place}`)));
  });

  it('grows with the issues, and holds only the families that are wanted', () => {
    expect(plan(1, 100).length).toBeGreaterThan(5 * plan(1, 10).length);
    expect(new Set(makePlan({ seed: 1, issues: 10, families: ['kill'] }).map(({ family }) => family))).toEqual(new Set(['kill']));
  });
});

describe('the injector', () => {
  it('lets a fault strike once, at its count', () => {
    const injector = createInjector([fault({ nth: 3 })]);
    const struck = Array.from({ length: 5 }, () => injector.next('github.read', 'GET /')?.kind ?? null);
    expect(struck).toEqual([null, null, '500', null, null]);
    expect(injector.injected()).toMatchObject([{ fault: { kind: '500' }, target: 'GET /' }]);
    expect(injector.missed()).toEqual([]);
  });

  it('counts each place for itself', () => {
    const injector = createInjector([fault({ nth: 2 })]);
    expect([injector.next('github.write', ''), injector.next('github.read', ''), injector.next('model', '')]).toEqual([null, null, null]);
    expect(injector.next('github.read', '')).toMatchObject({ kind: '500' });
  });

  it('holds back what costs a try while somebody is spared, and lets it strike afterwards', () => {
    const injector = createInjector([fault({ nth: 1 }), fault({ kind: 'late', nth: 2, costs: 'nothing' })]);
    injector.spare({ tries: true, lives: false });
    expect(injector.next('github.read', '')).toBeNull();
    expect(injector.next('github.read', '')).toMatchObject({ kind: 'late' });
    expect(injector.missed()).toMatchObject([{ kind: '500' }]);
    injector.spare({ tries: false, lives: false });
    expect(injector.next('github.read', '')).toMatchObject({ kind: '500' });
  });

  it('lets no life follow another at once, and none while somebody is suspected', () => {
    const life = { family: 'kill' as const, kind: 'after-claim', place: 'after-claim' as const, costs: 'a life' as const };
    const injector = createInjector([fault(life), fault(life)]);
    injector.spare({ tries: false, lives: true });
    expect(injector.next('after-claim', '')).toBeNull();
    injector.spare({ tries: false, lives: false });
    expect(injector.next('after-claim', '')).toMatchObject({ kind: 'after-claim' });
    expect(injector.next('after-claim', '')).toBeNull();
  });

  it('lets the sandbox of one task fail in one way only once', () => {
    const full = { family: 'sandbox' as const, kind: 'disk full', place: 'sandbox.write' as const };
    const injector = createInjector([fault(full), fault(full)]);
    expect(injector.next('sandbox.write', 'task one')).toMatchObject({ kind: 'disk full' });
    expect(injector.next('sandbox.write', 'task one')).toBeNull();
    expect(injector.next('sandbox.write', 'task two')).toMatchObject({ kind: 'disk full' });
  });
});
