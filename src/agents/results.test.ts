import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROLES } from '../domain/model.ts';
import { developerResult, productOwnerResult, qaResult, RESULT_SCHEMAS, resultName, reviewerResult, splitAssumption } from './results.ts';

const REFINED = { needs_clarification: false, refined_description: 'Build it.', acceptance_criteria: ['It works.'], priority: 'high' };
const HANDED_IN = { summary: 's', commit_message: 'feat: x', pr_title: 'feat: x', pr_body: 'b' };

describe('every form', () => {
  test.each(ROLES)('%s: is plain JSON Schema for the model and refuses what is no object', (role) => {
    const schema = z.toJSONSchema(RESULT_SCHEMAS[role], { io: 'input' });
    expect(schema).toMatchObject({ type: 'object', title: resultName(role) });
    for (const value of [null, 'text', 7, [], undefined]) expect(RESULT_SCHEMAS[role].safeParse(value).success).toBe(false);
  });

  test.each(ROLES)('%s: an empty object names the required fields', (role) => {
    expect(RESULT_SCHEMAS[role].safeParse({}).success).toBe(false);
  });

  test('a name is safe for every provider', () => {
    expect(resultName('product-owner')).toBe('submit_product_owner_result');
    expect(resultName('security champion')).toBe('submit_security_champion_result');
  });
});

describe('product owner', () => {
  test('fills what is optional', () => {
    expect(productOwnerResult.parse({ ...REFINED, priority: null, questions: null, tasks: null })).toEqual({
      ...REFINED,
      priority: 'medium',
      questions: [],
    });
  });

  test('takes what means the same and drops what is unknown', () => {
    const result = productOwnerResult.parse({
      needs_clarification: 'true',
      questions: ['  One? ', { question: 'Two?' }, '', 'Three?', 'Four?', 'Five?', 'Six?'],
      refined_description: null,
      acceptance_criteria: null,
      priority: 'P1',
      mood: 'good',
    });
    expect(result).toEqual({
      needs_clarification: true,
      questions: ['One?', 'Two?', 'Three?', 'Four?', 'Five?'],
      refined_description: '',
      acceptance_criteria: [],
      priority: 'high',
    });
  });

  test('tasks may be titles alone', () => {
    expect(productOwnerResult.parse({ ...REFINED, tasks: ['first', { title: 'second', description: null }] }).tasks).toEqual([
      { title: 'first', description: '' },
      { title: 'second', description: '' },
    ]);
  });

  test.each([
    ['no decision', { ...REFINED, needs_clarification: undefined }],
    ['a decision that is neither', { ...REFINED, needs_clarification: 'perhaps' }],
    ['clarification without a question', { needs_clarification: true, questions: [] }],
    ['refined without a description', { ...REFINED, refined_description: ' ' }],
    ['an unknown priority', { ...REFINED, priority: 'purple' }],
    ['questions that are no texts', { needs_clarification: true, questions: [1] }],
  ])('refuses %s', (_what, value) => {
    expect(productOwnerResult.safeParse(value).success).toBe(false);
  });
});

describe('developer', () => {
  test('takes hidden markers out, makes the title one line, cuts what is too long', () => {
    const result = developerResult.parse({ ...HANDED_IN, pr_title: 'feat:\n x', pr_body: `b<!-- banyan:status:1 -->${'y'.repeat(40_000)}` });
    expect(result.pr_title).toBe('feat: x');
    expect(result.pr_body).not.toContain('banyan:status');
    expect(result.pr_body).toHaveLength(30_000);
  });

  test.each(Object.keys(HANDED_IN))('refuses to do without %s', (field) => {
    for (const value of [undefined, null, '', '<!-- only a comment -->']) {
      expect(developerResult.safeParse({ ...HANDED_IN, [field]: value }).success).toBe(false);
    }
  });
});

describe('qa', () => {
  test('findings are read with good will', () => {
    const result = qaResult.parse({
      passed: 'false',
      summary: 's',
      findings: ['just words', { path: '', line: '12', severity: 'High', message: 'm' }, { path: 'a.js', line: 0, message: 'n', extra: 1 }],
    });
    expect(result).toEqual({
      passed: false,
      summary: 's',
      findings: [
        { path: null, line: null, severity: 'warning', message: 'just words' },
        { path: null, line: 12, severity: 'error', message: 'm' },
        { path: 'a.js', line: null, severity: 'warning', message: 'n' },
      ],
    });
  });

  test.each([
    { passed: null },
    { passed: 1 },
    { summary: undefined },
    { findings: [{ path: 'a' }] },
    { findings: 7 },
    { findings: [{ message: 'm', line: 1.5 }] },
  ])('refuses %j', (wrong) => {
    expect(qaResult.safeParse({ passed: true, summary: 's', findings: [], ...wrong }).success).toBe(false);
  });
});

describe('reviewer', () => {
  test.each([
    ['APPROVE', 'approve'],
    ['approved', 'approve'],
    ['REQUEST_CHANGES', 'request_changes'],
    ['request-changes', 'request_changes'],
    ['changes requested', 'request_changes'],
    ['COMMENT', 'comment'],
  ])('%s is %s', (word, decision) => {
    expect(reviewerResult.parse({ decision: word, summary: 's' })).toEqual({ decision, summary: 's', comments: [] });
  });

  test('an unknown decision is refused, never guessed', () => {
    for (const decision of ['maybe', null, undefined, 'constructor', '__proto__']) {
      expect(reviewerResult.safeParse({ decision, summary: 's' }).success).toBe(false);
    }
  });

  test('comments beyond ten are cut, and a suggestion stays as it is', () => {
    const suggestion = '  const x = 1; // <!-- kept -->\n';
    const comments = Array.from({ length: 12 }, (_, index) => ({ path: 'a.js', line: index + 1, body: 'b', suggestion: index === 0 ? suggestion : null }));
    const result = reviewerResult.parse({ decision: 'comment', summary: 's', comments });
    expect(result.comments).toHaveLength(10);
    expect(result.comments[0]).toEqual({ path: 'a.js', line: 1, body: 'b', suggestion });
    expect(result.comments[1]).toEqual({ path: 'a.js', line: 2, body: 'b' });
  });

  test('an over-long suggestion is refused: cut code is wrong code', () => {
    const comments = [{ path: 'a.js', line: 1, body: 'b', suggestion: 'x'.repeat(5_000) }];
    expect(reviewerResult.safeParse({ decision: 'comment', summary: 's', comments }).success).toBe(false);
  });
});

describe('splitAssumption', () => {
  test.each([
    ['X or Y? (Otherwise: X.)', 'X or Y?', 'X.'],
    ['X or Y? (otherwise X, as (before))', 'X or Y?', 'X, as (before'],
    ['X or Y?', 'X or Y?', null],
    ['X? (Otherwise: )', 'X?', null],
  ])('%j', (question, body, assumption) => {
    expect(splitAssumption(question)).toEqual({ body, assumption });
  });
});
