import { describe, expect, it } from 'vitest';
import { compare } from '../../scripts/chaos/compare.ts';
import { proveComparison, SABOTAGES } from '../../scripts/chaos/sabotage.ts';
import { castOf } from '../../scripts/chaos/scenarios.ts';
import type { SeenIssue, World } from '../../scripts/chaos/world.ts';

/** An issue that went as it was to go. */
function asExpected(number: number): SeenIssue {
  const scenario = castOf(1)[0]!;
  const expected = { ...scenario.expected, pushed: 1 };
  return {
    number,
    name: scenario.name,
    expected,
    ticket: expected.ticket,
    runs: ['completed'],
    labels: ['done'],
    open: false,
    markers: [`<!-- banyan:status:${number}/status -->`],
    said: 0,
    pushed: ['docs: add a note'],
    tasks: [...expected.tasks],
    pulls: ['merged'],
    commits: [`Banyan-Task: task-${number}/digest`],
    checks: expected.checks.map((check, index) => ({ name: check.split(' ')[0]!, externalId: `check-${number}-${index}`, conclusion: 'success' })),
    reviews: [`<!-- banyan:review:${number} -->`],
    last: [],
  };
}

function world(): World {
  return {
    issues: [asExpected(1), asExpected(2)],
    tasks: [{ id: 'a', issue: 1, phase: 'develop', state: 'completed', leased: false, tokensIn: 1000 }],
    effects: [{ key: 'one', state: 'settled', leased: false }],
    deliveries: [{ guid: 'first', state: 'processed', leased: false }],
    sent: ['first'],
    answers: [
      { tokensIn: 1000, task: 'a', excuse: null },
      { tokensIn: 1001, task: 'a', excuse: 'its worker was killed' },
    ],
    recorded: [{ task: 'a', tokensIn: 1000 }],
    sums: [{ what: 'input tokens of task a', kept: 1000, counted: 1000 }],
  };
}

describe('the comparison', () => {
  it('has nothing to say where everything is there once', () => {
    expect(compare(world())).toEqual([]);
  });

  it.each(Object.entries(SABOTAGES))('sees %s', (_name, bend) => {
    const bent = world();
    expect(bend(bent)).toBe(true);
    expect(compare(bent)).not.toEqual([]);
  });

  it('says which issue, what was expected and what is there', () => {
    const bent = world();
    const issue = bent.issues[1]!;
    issue.markers.push(...issue.markers);
    expect(compare(bent)).toEqual([
      { kind: 'doubled', issue: 2, what: 'comment <!-- banyan:status:2/status -->', expected: '1', found: '2' },
      { kind: 'doubled', issue: 2, what: 'comments status', expected: '1', found: '2' },
    ]);
  });

  it('takes an answer without a record for lost, unless something struck it', () => {
    const bent = world();
    bent.answers[1]!.excuse = null;
    expect(compare(bent)).toEqual([{ kind: 'lost', issue: null, what: 'answer 1001 to task a', expected: 'recorded', found: 'nothing' }]);
  });
});

describe('the proof of the comparison', () => {
  it('tries every way to bend a full world', () => {
    expect(proveComparison(world())).toEqual({ tried: Object.keys(SABOTAGES).length, unseen: [] });
  });

  it('leaves out what an empty world has not', () => {
    const empty: World = { issues: [], tasks: [], effects: [], deliveries: [], sent: [], answers: [], recorded: [], sums: [] };
    expect(proveComparison(empty)).toEqual({ tried: 0, unseen: [] });
  });
});
