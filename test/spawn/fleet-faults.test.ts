import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/kernel/package-root.ts';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, writeBook } from '../../src/spawn/book.ts';
import { keepFleetIssue } from '../../src/spawn/fleet/issue.ts';
import { lookAtFleet, type Fleet, type FleetChild } from '../../src/spawn/fleet/look.ts';
import { fleetBody, fleetText } from '../../src/spawn/fleet/words.ts';
import { hubApi } from '../../src/spawn/hub.ts';
import { Patience } from '../../src/spawn/patience.ts';
import { renderTemplate } from '../../src/spawn/render.ts';
import { readTemplate } from '../../src/spawn/template.ts';
import { startStand, type Stand } from '../local-github/harness.ts';
import { LIMITED, withFaults, type Asked, type Fault } from './faults.ts';
import { banyan } from './mother.ts';

const template = readTemplate(packageRoot());
const NAMES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
let stand: Stand;
let pauses: number[] = [];

async function plant(repo: string): Promise<void> {
  await stand.maintainer.repos.createInOrg({ org: 'acme', name: repo, auto_init: true });
  const answers = parseAnswers({ name: repo, domain: 'saas', agents: ['qa'] }, 'answers');
  const banyan = 'file:vendor/banyan.tgz';
  const book = createBook({ template, commit: null, banyan, answers, files: renderTemplate(template, answers, { banyan }) });
  const content = Buffer.from(writeBook({ ...book, files: {} })).toString('base64');
  await stand.maintainer.repos.createOrUpdateFileContents({ owner: 'acme', repo, path: BOOK_PATH, message: 'feat: spawn', content });
}

/** Waits that are written down in place of being waited. */
function api(base: string) {
  pauses = [];
  const pause = (ms: number) => {
    pauses.push(ms);
    return Promise.resolve();
  };
  const hub = hubApi({ GITHUB_API_URL: base, GITHUB_TOKEN: 'maintainer-token' }, new AbortController().signal, { name: 'fleet', needs: 'read' });
  return { ...hub, patience: new Patience({ pause }) };
}

function look(fault: (asked: Asked) => Fault | null): Promise<Fleet> {
  return withFaults(stand.url, fault, (base) => lookAtFleet(api(base), { template }));
}

const GATEWAY: Fault = { status: 502, body: 'Bad gateway' };

beforeAll(async () => {
  stand = await startStand();
  for (const name of NAMES) await plant(name);
  await stand.maintainer.repos.createInOrg({ org: 'acme', name: 'mother', auto_init: true });
});
afterAll(() => stand.stop());

describe('a fleet that GitHub shows in part', () => {
  it('waits as long as a limit says, asks again after a fault, and then shows all', async () => {
    const failed = new Set<string>();
    const once = ({ url, count }: Asked) => {
      if (count === 9) return LIMITED;
      if (!url.includes('/two/') || failed.has(url)) return null;
      failed.add(url);
      return GATEWAY;
    };
    const fleet = await look(once);
    expect(fleet.children.map(({ repository }) => repository)).toEqual(NAMES.map((name) => `acme/${name}`).toSorted());
    expect(fleet).toMatchObject({ unseen: [], children: NAMES.map(() => ({ unseen: false })) });
    expect(pauses.some((ms) => ms > 6_000 && ms <= 7_000)).toBe(true);
    expect(failed.size).toBeGreaterThan(2);
  });

  it('takes no child for gone that it could not look at, and keeps its row', async () => {
    const whole = await look(() => null);
    const mother = 'acme/mother';
    const { url } = await keepFleetIssue(api(stand.url), mother, whole);
    const asked: string[] = [];
    const fleet = await look(({ url: path, count }) => {
      asked.push(path);
      return count > 12 ? { ...LIMITED, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.round(Date.now() / 1000) + 3_000) } } : null;
    });
    expect(fleet.unseen.length).toBeGreaterThan(0);
    expect(fleet.unseen.length + fleet.children.length).toBe(NAMES.length + 1);
    // Whoever is told to wait that long asks nothing more but what was under way.
    expect(asked.length).toBeLessThan(13 + 7);
    expect(fleetText(fleet)).toMatch(/repositor(?:y|ies) could not be looked at:\n {2}acme\/\w+: rate limit/);
    expect(await keepFleetIssue(api(stand.url), mother, fleet)).toMatchObject({ what: 'updated', url });
    const { data } = await stand.maintainer.issues.get({ owner: 'acme', repo: 'mother', issue_number: Number(url.split('/').at(-1)) });
    for (const name of NAMES) expect(data.body).toContain(`/acme/${name}) |`);
    expect(data.body).toMatch(/could not be looked at\*\* this time.*These rows are from before: acme\/\w+/);
    await keepFleetIssue(api(stand.url), mother, whole);
    const { data: after } = await stand.maintainer.issues.get({ owner: 'acme', repo: 'mother', issue_number: data.number });
    expect(after.body).toBe(fleetBody(whole, { named: true }));
  });

  it('ends with 2 as a command then, and says what it has seen', async () => {
    const reset = String(Math.round(Date.now() / 1000) + 3_000);
    const limited = ({ count }: Asked) => (count > 12 ? { ...LIMITED, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset } } : null);
    const run = (base: string) => banyan(['fleet'], { cwd: tmpdir(), env: { GITHUB_API_URL: base, GITHUB_TOKEN: 'maintainer-token' } });
    const { code, stdout } = await withFaults(stand.url, limited, run);
    expect([code, stdout]).toEqual([2, expect.stringMatching(/could not be looked at:\n {2}acme\//)]);
  });

  it('shows a child whose pull requests fail as one that could not be looked at', async () => {
    const fleet = await look(({ url }) => (url.includes('/two/pulls') ? GATEWAY : null));
    expect(fleet.unseen).toEqual([]);
    expect(fleet.children.find(({ repository }) => repository === 'acme/two')).toMatchObject({ unseen: true, version: template.version });
    expect(fleetText(fleet)).toContain('could not be looked at: GitHub answered 502');
    expect(pauses).toHaveLength(3);
  });

  it('takes a child for gone that is not found', async () => {
    const fleet = await look(({ url }) => (url.includes('/two/') ? { status: 404, body: '{}' } : null));
    expect(fleet.unseen).toEqual([]);
    expect(fleet.children.map(({ repository }) => repository)).not.toContain('acme/two');
  });

  it('takes no page for an empty list', async () => {
    const page = ({ url }: Asked) => (url.startsWith('/user/repos?sort') ? { status: 200, body: '<html>' } : null);
    await expect(look(page)).rejects.toThrow(/no list/);
  });
});

describe('a large fleet', () => {
  const child = (index: number, rest: Partial<FleetChild> = {}): FleetChild => ({
    repository: `acme/child-with-a-name-${index}`,
    url: `https://github.com/acme/child-with-a-name-${index}`,
    private: false,
    domain: 'e-commerce',
    version: '0.2.0',
    drift: { managed: [], merged: 3, missing: [] },
    lastCheck: { at: '2026-01-01', outcome: 'success', url: `https://github.com/acme/child-with-a-name-${index}/actions/runs/123456789` },
    refusals: [],
    waiting: `https://github.com/acme/child-with-a-name-${index}/pull/1`,
    problem: null,
    unseen: false,
    ...rest,
  });
  const body = (children: FleetChild[]) => fleetBody({ version: '0.2.0', children, seen: children.length, truncated: false, unseen: [] }, { named: true });
  const rows = (text: string) => text.split('\n').filter((line) => line.startsWith('| ['));

  it.each([
    [1, true],
    [100, true],
    [250, false],
    [1_000, false],
  ])('of %i children fits into an issue, the rest counted', (count, whole) => {
    const text = body(
      Array.from({ length: count }, (_, index) =>
        child(index, { drift: { managed: Array.from({ length: 30 }, (_x, n) => `api/${n}.ts`), merged: 0, missing: [] } }),
      ),
    );
    expect(text.length).toBeLessThan(65_000);
    const more = Number(/And (\d+) more/.exec(text)?.[1] ?? 0);
    expect(rows(text).length + more).toBe(count);
    expect(more === 0).toBe(whole);
  });

  it('shows first what asks for somebody', () => {
    const plain = Array.from({ length: 500 }, (_, index) => child(index));
    const text = body([
      ...plain,
      child(501, { version: '0.1.0' }),
      child(502, { drift: { managed: ['api/health.ts'], merged: 0, missing: [] } }),
      child(503, { problem: 'its book cannot be read', drift: null }),
    ]);
    expect(
      rows(text)
        .slice(0, 4)
        .map((line) => /name-(\d+)\)/.exec(line)?.[1]),
    ).toEqual(['503', '502', '501', '0']);
  });

  it('cuts what a child says of itself in whole characters, and makes no link or reference of it', () => {
    const [line = ''] = rows(
      body([child(1, { drift: { managed: [`${'😀'.repeat(99)}x😀😀`], merged: 0, missing: [] }, refusals: ['https://evil.example acme/x#1 GH-2'] })]),
    );
    expect(line.isWellFormed()).toBe(true);
    expect(line).not.toMatch(/https:\/\/evil|#\d|GH-\d/);
  });
});
