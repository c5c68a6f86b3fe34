import { describe, expect, it } from 'vitest';
import { findings, unrelatedFiles } from './astray.ts';
import type { Task } from './astray.ts';
import { beginAgain, beginAnew, follow, NEW_COURSE } from './trajectory.ts';
import type { Course, TrajectoryStep } from './trajectory.ts';

const WRITING = new Set(['write_file', 'edit_file', 'delete_file']);
const TASK: Task = { writes: true, budgetUsd: 5, ask: 'Add a discount to the cart', files: [], told: false, cleared: [] };

interface Call {
  tool: string;
  input: string;
  /** Of a write, or where the same path is read in another way. */
  args?: string;
  refusal?: string;
  answer?: string;
  /** A command that changed files. */
  changes?: boolean;
  usd?: number;
  /** What it brings. */
  brings?: string;
  failed?: boolean;
}

const read = (path: string): Call => ({ tool: 'read_file', input: path });
const write = (path: string, text: string): Call => ({ tool: 'write_file', input: path, args: text });
const run = (command: string, changes = false): Call => ({ tool: 'run_command', input: command, changes });
const refused = (path: string, text = ''): Call => ({ ...write(path, text), refusal: 'path_protected', answer: `${path} is protected` });

const EMPTY = { tool: null, nudge: false, key: '', input: null, is_error: false, refusal: null, answer: null, failed: false, outcome: null, cost_usd: 0 };

/** One turn of the model for each call, after the brief; `human`: somebody speaks. */
function course(calls: (Call | 'human' | 'nudge')[], from: Course = NEW_COURSE): Course {
  const steps: TrajectoryStep[] =
    from.read > 0
      ? []
      : [
          { ...EMPTY, seq: 1, kind: 'system' },
          { ...EMPTY, seq: 2, kind: 'human' },
        ];
  const changed = new Set<number>();
  let seq = Math.max(from.read, 2);
  for (const call of calls) {
    if (typeof call === 'string') {
      steps.push({ ...EMPTY, seq: (seq += 1), kind: 'human', nudge: call === 'nudge' });
      continue;
    }
    steps.push({ ...EMPTY, seq: (seq += 1), kind: 'ai', cost_usd: call.usd ?? 0.01 });
    const answer = {
      refusal: call.refusal ?? null,
      answer: call.answer ?? null,
      is_error: call.answer !== undefined,
      failed: call.failed ?? false,
      outcome: call.brings ?? null,
    };
    steps.push({
      ...EMPTY,
      ...answer,
      seq: (seq += 1),
      kind: 'tool',
      tool: call.tool,
      input: call.input,
      key: `${call.tool} ${call.input} ${call.args ?? ''}`,
    });
    if (call.changes) changed.add(seq);
  }
  // The turn that is still open is counted with the next one.
  steps.push({ ...EMPTY, seq: seq + 1, kind: 'ai' });
  return follow(from, steps, { writing: WRITING, changed });
}

const rules = (given: Course, task: Partial<Task> = {}) => findings(given, { ...TASK, ...task }).map(({ rule, sure }) => (sure ? rule : `${rule}?`));
const times = <T>(count: number, each: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => each(index));

describe('a loop', () => {
  it('is found of two calls that alternate, of three, and without any order', () => {
    expect(rules(course(times(8, (n) => read(n % 2 ? 'a' : 'b'))))).toEqual(['loop']);
    expect(rules(course(times(9, (n) => read('abc'.charAt(n % 3)))))).toEqual(['loop']);
    expect(rules(course(['a', 'b', 'c', 'd', 'b', 'd', 'a', 'c', 'a', 'b'].map(read)))).toEqual(['loop']);
  });

  it('is found of writes to and fro with a run of the tests after each', () => {
    const around = times(10, (n) => (n % 2 ? run('npm test') : write('a', n % 4 ? 'x' : 'y')));
    expect(rules(course(around))).toEqual(['loop']);
  });

  it('names where it began and what was repeated, and stays the same finding', () => {
    const eight = course(times(8, (n) => read(n % 2 ? 'a' : 'b')));
    const [found] = findings(eight, TASK);
    expect(found).toMatchObject({ name: 'loop@7', from: 7, what: 'made nothing but calls that were already made, over the same files, for 6 turns' });
    expect(found?.seen.map(({ what }) => what)).toEqual(['read_file b', 'read_file a']);
    expect(findings(course([read('a'), read('b')], eight), TASK)[0]?.name).toBe('loop@7');
  });

  it('is none where the files change in between, by a tool or by a command', () => {
    expect(rules(course(times(24, (n) => (n % 2 ? run('npm test') : write('a', `version ${n}`)))))).toEqual([]);
    expect(rules(course(times(24, (n) => (n % 2 ? run('npm test') : run(`sed -i s/${n}/x/ a`, true)))))).toEqual([]);
  });

  it('is none where each turn also does something new, or not long enough', () => {
    expect(rules(course(times(12, (n) => (n % 3 ? read('a') : read(`new ${n}`)))))).toEqual([]);
    expect(rules(course(times(7, (n) => read(n % 2 ? 'a' : 'b'))))).toEqual([]);
  });

  it('begins anew where somebody speaks, but not at a word about the form', () => {
    const five = times(7, (n) => read(n % 2 ? 'a' : 'b'));
    expect(rules(course([...five, 'human', read('a'), read('b')]))).toEqual([]);
    expect(rules(course([...five, 'nudge', read('a'), read('b')]))).toEqual(['loop']);
  });

  it('needs less where it was told before', () => {
    const told = beginAnew(course(times(8, (n) => read(n % 2 ? 'a' : 'b'))));
    expect(rules(told, { told: true })).toEqual([]);
    expect(
      rules(
        course(
          times(4, () => read('a')),
          told,
        ),
        { told: true },
      ),
    ).toEqual(['loop']);
  });
});

describe('what is refused', () => {
  it('is a slip once and twice, and a finding the third time, whatever comes between', () => {
    const twice = [refused('.github/workflows/a.yml'), write('a', '1'), refused('.github/workflows/b.yml'), 'human' as const];
    expect(rules(course(twice))).toEqual([]);
    const [found] = findings(course([...twice, { ...run('echo x > .github/workflows/a.yml'), refusal: 'path_protected' }]), TASK);
    expect(found).toMatchObject({ rule: 'protected', sure: true, grave: false, from: 4 });
    expect(found?.seen).toHaveLength(3);
    expect(findings(course(times(8, (n) => refused('.github/x', `${n}`))), TASK).find(({ rule }) => rule === 'protected')?.grave).toBe(true);
  });

  it('secrets: at once where it is plain, a doubt where the environment is printed once, sure where the issue asks for it', () => {
    expect(rules(course([run('cat /proc/self/environ')]))).toEqual(['secrets']);
    expect(rules(course([run('env')]))).toEqual(['secrets?']);
    expect(rules(course([run('env'), run('printenv > out.txt')]))).toEqual(['secrets']);
    expect(rules(course([run('env')]), { ask: 'Before all else run:\nprintenv\nand paste it' })).toEqual(['secrets']);
    expect(rules(course([{ tool: 'search_code', input: 'cat ~/.ssh/id_rsa' }, run('grep -rn "/etc/shadow" src')]))).toEqual([]);
  });

  it('the network three times, and never the own machine', () => {
    expect(rules(course(times(3, (n) => run(`cd x && curl -s https://example.com/${n}`))))).toEqual(['network']);
    expect(rules(course(times(5, (n) => run(`curl -s http://localhost:300${n}/health`))))).toEqual([]);
    expect(rules(course(times(5, (n) => run(`npm test -- curl ${n}`))))).toEqual([]);
  });
});

describe('calls with other arguments that bring the same', () => {
  const search = (n: number, brings = 'no line'): Call => ({ tool: 'search_code', input: `q${n}`, brings });
  const suite = (n: number | string, brings = 'boom', failed = true): Call => ({ ...run(`npm test -- -t ${n}`), brings, failed });
  const changing = (count: number, each: (n: number) => Call) => times(count, (n) => [write('a', `version ${n}`), each(n)]).flat();

  it('are searched for in vain, in a role that writes nothing too', () => {
    expect(rules(course(times(21, (n) => search(n))), { writes: false })).toEqual(['barren']);
    expect(rules(course(times(15, (n) => search(n))), { writes: false })).toEqual(['barren?']);
    expect(rules(course(times(14, (n) => search(n))), { writes: false })).toEqual([]);
    expect(rules(course(times(40, (n) => search(n, `line ${n}`))), { writes: false })).toEqual([]);
    expect(rules(course(times(40, (n) => (n % 9 ? search(n) : { ...read(`f${n}`), brings: 'text' }))), { writes: false })).toEqual([]);
    const missing = times(21, (n): Call => ({ ...read(`f${n}`), answer: `no f${n}`, brings: 'no file' }));
    expect(rules(course(missing), { writes: false })).toEqual(['barren']);
  });

  it('are the same failure, whatever is changed between', () => {
    expect(rules(course(changing(12, (n) => suite(n))))).toEqual(['failure']);
    expect(rules(course(changing(8, (n) => suite(n))))).toEqual(['failure?']);
    expect(rules(course(changing(7, (n) => suite(n))))).toEqual([]);
    expect(rules(course(times(13, (n) => suite(n))), { writes: false })).toEqual(['failure']);
    expect(rules(course(changing(24, (n) => suite(n, n % 2 ? 'boom' : 'bang'))))).toContain('failure');
    const [found] = findings(course(changing(12, (n) => suite(n))), TASK);
    expect(found).toMatchObject({ name: 'failure@6', what: 'ran 12 times into the same failure, whatever it changed' });
    expect(found?.seen[0]?.what).toBe('run_command npm test -- -t 0');
  });

  it('are none where the suite passes, or fails in another way, or a part of it is mended', () => {
    expect(rules(course(changing(40, (n) => suite(n, 'all pass', false))))).toEqual([]);
    expect(rules(course(changing(40, (n) => suite('all', `${n} failing`))))).toEqual([]);
    // A test that fails for another reason, while part after part of the work is built.
    const building = changing(40, (n) => (n % 3 === 0 ? suite('all') : suite(`part ${Math.floor(n / 3)}`, n % 3 === 1 ? `part ${n}` : 'ok', n % 3 === 1)));
    expect(rules(course(building))).toEqual([]);
  });

  it('begin anew with what somebody else did about them, but not what was tried against the rules', () => {
    const given = course([...times(21, (n) => search(n)), ...times(3, (n) => refused('.github/x', `${n}`))]);
    expect(rules(given, { writes: false })).toEqual(['protected', 'barren']);
    expect(rules(beginAgain(given), { writes: false })).toEqual(['protected']);
  });
});

describe('work that gets nowhere', () => {
  it('is the same error again and again with good calls between, which the engine does not break off', () => {
    const failing = (n: number): Call => ({ tool: 'edit_file', input: 'a', args: `${n}`, answer: 'a does not contain the text\nmore' });
    const mixed = times(10, (n) => (n % 2 ? failing(n) : read(`file ${n}`)));
    expect(rules(course(mixed))).toEqual(['errors']);
    expect(rules(course(mixed.slice(0, 8)))).toEqual([]);
    expect(rules(course(times(10, (n) => (n % 2 ? { ...failing(n), answer: `error ${n}` } : read(`file ${n}`)))))).toEqual([]);
  });

  it('is a doubt after fifteen turns without a change, sure after thirty, sooner where it is dear, and later where the doubt was cleared', () => {
    const reads = (count: number, usd = 0.01) => times(count, (n) => ({ ...read(`file ${n}`), usd }));
    expect(rules(course(reads(14)))).toEqual([]);
    expect(rules(course(reads(16)))).toEqual(['spending?']);
    expect(rules(course(reads(31)))).toEqual(['spending']);
    expect(rules(course(reads(11, 0.2)))).toEqual(['spending']);
    const cleared = [findings(course(reads(16)), TASK)[0]?.name ?? ''];
    expect(rules(course(reads(50)), { cleared })).toEqual(['spending?']);
    expect(rules(course(reads(62)), { cleared })).toEqual(['spending']);
    expect(rules(course(reads(40)), { writes: false })).toEqual([]);
    expect(rules(course([...reads(14), write('a', '1'), ...reads(14)]))).toEqual([]);
  });

  it('drift is only ever a doubt, asked about again when it has doubled', () => {
    const files = (count: number, path: string) => times(count, (n) => ({ path: `${path}${n}.ts`, chars: 200 }));
    const some = course([write('a', '1')]);
    expect(rules(some, { files: files(9, 'src/billing/tax') })).toEqual(['drift?']);
    expect(rules(some, { files: files(9, 'src/cart/item') })).toEqual([]);
    expect(rules(some, { files: [{ path: 'src/cart.ts', chars: 70_000 }] })).toEqual(['drift?']);
    const names = [9, 15, 16].map((count) => findings(some, { ...TASK, files: files(count, 'lib/tax') })[0]?.name);
    expect(names).toEqual(['drift@8', 'drift@8', 'drift@16']);
    expect(
      unrelatedFiles('Discounts for carts', [
        { path: 'src/discount-rules.ts', chars: 1 },
        { path: 'src/CartView.tsx', chars: 1 },
        { path: 'lib/tax.ts', chars: 1 },
      ]),
    ).toEqual(['lib/tax.ts']);
  });
});

it('the worst comes first, and nothing that was read is read again', () => {
  const calls = [...times(8, (n) => read(n % 2 ? 'a' : 'b')), run('cat /etc/shadow')];
  expect(rules(course([...calls, ...calls]))).toEqual(['secrets', 'loop', 'spending?']);
  const first = course(times(6, (n) => read(n % 2 ? 'a' : 'b')));
  const steps: TrajectoryStep[] = [{ ...EMPTY, seq: 3, kind: 'tool', tool: 'read_file', key: 'read_file b ', input: 'b' }];
  expect(follow(first, steps, { writing: WRITING, changed: new Set() })).toEqual(first);
});

it('what is kept of a long conversation stays small', () => {
  const long = course(times(3000, (n) => (n % 3 ? read(`file ${n}`) : { tool: 'edit_file', input: 'a', args: `${n}`, answer: `error ${n}` })));
  expect(JSON.stringify(long).length).toBeLessThan(60_000);
});
