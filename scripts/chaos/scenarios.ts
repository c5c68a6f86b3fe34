import type { Person } from './people.ts';
import type { Files, Script } from './player.ts';

/** What must be there when everything is quiet. */
export interface Expected {
  ticket: string;
  /** State of the newest run; null where none was to be started. */
  run: string | null;
  /** Banyan's one label; null for none. */
  label: string | null;
  open: boolean;
  /** Banyan's comments by the kind of their hidden marker. */
  comments: Record<string, number>;
  /** Comments of people. */
  said: number;
  /** Commits of people on the branch, whose files are there at the end. */
  pushed: number;
  /** `<phase> <state>`, in the order in which they were added. */
  tasks: string[];
  pull: 'merged' | 'open' | 'closed' | null;
  commits: number;
  /** `<name> <conclusion>`, sorted. */
  checks: string[];
  reviews: number;
}

export interface Scenario {
  name: string;
  issue: { title: string; by: 'maintainer' | 'visitor'; labels?: string[] };
  script: Script;
  /** The role whose answers wait for what people do, in every round or in one. */
  holds?: { agent: string; round?: number };
  people(person: Person): Promise<void>;
  expected: Expected;
}

export const REPOSITORY_FILES: Files = {
  'package.json': `${JSON.stringify({ name: 'parts', version: '1.0.0', type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'test/whole.test.js': "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\n\ntest('stands', () => assert.ok(true));\n",
  '.github/banyan.yml': 'budget: 50\nlimits:\n  max_steps: 20\nmodels:\n  prices:\n    openai:chaos: { input: 10, output: 10 }\n',
};

function part(place: number, value: number): Files {
  return {
    [`src/part-${place}.js`]: `export function part${place}() {\n  return ${value};\n}\n`,
    [`test/part-${place}.test.js`]: [
      "import assert from 'node:assert/strict';",
      "import { test } from 'node:test';",
      `import { part${place} } from '../src/part-${place}.js';`,
      '',
      `test('part ${place}', () => assert.equal(part${place}(), ${place}));`,
      '',
    ].join('\n'),
  };
}

const BUILT = ['analyze completed', 'develop completed', 'qa completed', 'review completed'];
const GREEN = ['banyan/qa success', 'banyan/review success'];

const MERGED: Expected = {
  ticket: 'done',
  run: 'completed',
  label: 'done',
  open: false,
  comments: { status: 1 },
  said: 0,
  tasks: BUILT,
  pull: 'merged',
  commits: 1,
  pushed: 0,
  checks: GREEN,
  reviews: 1,
};

/** QA sends it back once. */
const BUILT_TWICE: Expected = {
  ...MERGED,
  tasks: ['analyze completed', 'develop completed', 'qa completed', 'develop completed', 'qa completed', 'review completed'],
  commits: 2,
  checks: ['banyan/qa failure', ...GREEN],
};

const NOTHING_BUILT = { pull: null, commits: 0, pushed: 0, checks: [], reviews: 0 };

type Draft = Omit<Scenario, 'name' | 'issue' | 'script'> & { by?: 'visitor'; labels?: string[]; script?: Partial<Script> };

/** What can become of an issue, by what people and models do. */
const DRAFTS: Record<string, (place: number) => Draft> = {
  plain: () => ({ people: (person) => person.mergeWhenReady(), expected: MERGED }),
  questions: () => ({
    script: { questions: ['Which sign?', 'Which name?'] },
    async people(person) {
      await person.untilComment('questions');
      for (const answer of ['1: the star', '2: part', 'And keep it small.']) await person.say(answer);
      await person.mergeWhenReady();
    },
    expected: { ...MERGED, comments: { status: 1, questions: 1 }, said: 3 },
  }),
  'QA finds a fault': (place) => ({
    script: { files: [part(place, place + 1), part(place, place)] },
    people: (person) => person.mergeWhenReady(),
    expected: BUILT_TWICE,
  }),
  'the Reviewer asks for a change': (place) => ({
    script: { files: [part(place, place), { ...part(place, place), [`docs/part-${place}.md`]: 'Why.\n' }], review: ['request_changes', 'approve'] },
    people: (person) => person.mergeWhenReady(),
    expected: {
      ...MERGED,
      tasks: [...BUILT, 'develop completed', 'qa completed', 'review completed'],
      commits: 2,
      checks: ['banyan/qa success', 'banyan/qa success', 'banyan/review failure', 'banyan/review success'],
      reviews: 2,
    },
  }),
  'stopped by a command': () => ({
    holds: { agent: 'developer' },
    async people(person) {
      await person.untilLabel('in-progress');
      await person.say('/banyan stop');
      await person.untilStatus('Stopped');
    },
    expected: {
      ...NOTHING_BUILT,
      ticket: 'cancelled',
      run: 'stopped_user',
      label: null,
      open: true,
      comments: { status: 1 },
      said: 1,
      tasks: ['analyze completed', 'develop cancelled'],
    },
  }),
  'paused and resumed': () => ({
    holds: { agent: 'developer' },
    async people(person) {
      await person.untilLabel('in-progress');
      await person.say('/banyan pause');
      await person.untilLabel('paused');
      person.letGo();
      await person.say('/banyan resume');
      await person.mergeWhenReady();
    },
    expected: { ...MERGED, said: 2 },
  }),
  'opened by a stranger': () => ({
    by: 'visitor',
    async people(person) {
      await person.untilLabel('awaiting-approval');
      await person.label('ready-for-dev');
      await person.mergeWhenReady();
    },
    expected: { ...MERGED, tasks: BUILT.slice(1) },
  }),
  'a stranger waits': () => ({
    by: 'visitor',
    people: (person) => person.untilLabel('awaiting-approval'),
    expected: { ...NOTHING_BUILT, ticket: 'awaiting_approval', run: null, label: 'awaiting-approval', open: true, comments: { status: 1 }, said: 0, tasks: [] },
  }),
  'the model never gets it right': () => ({
    script: { wrong: 'product-owner' },
    people: (person) => person.untilStatus('A person is needed'),
    expected: {
      ...NOTHING_BUILT,
      ticket: 'failed',
      run: 'failed',
      label: 'needs-human',
      open: true,
      comments: { status: 1 },
      said: 0,
      tasks: ['analyze failed'],
    },
  }),
  'closed by a person': () => ({
    holds: { agent: 'qa' },
    async people(person) {
      // The label comes before QA does: closed in between, there is no check to end.
      await person.untilCheck('banyan/qa null');
      await person.closeIssue();
      await person.untilStatus('Stopped');
    },
    expected: {
      ticket: 'cancelled',
      run: 'stopped_user',
      label: null,
      open: false,
      comments: { status: 1 },
      said: 0,
      tasks: ['analyze completed', 'develop completed', 'qa cancelled'],
      pull: 'open',
      commits: 1,
      pushed: 0,
      checks: ['banyan/qa cancelled'],
      reviews: 0,
    },
  }),
  'an endless loop of tool calls': () => ({
    script: { endless: 'developer' },
    people: (person) => person.untilStatus('A person is needed'),
    expected: {
      ...NOTHING_BUILT,
      ticket: 'failed',
      run: 'failed',
      label: 'needs-human',
      open: true,
      comments: { status: 1 },
      said: 0,
      tasks: ['analyze completed', 'develop failed'],
    },
  }),
  'begun by a label': () => ({ labels: ['ready-for-dev'], people: (person) => person.mergeWhenReady(), expected: { ...MERGED, tasks: BUILT.slice(1) } }),
  unanswered: () => ({
    script: { questions: ['Which sign?'] },
    people: (person) => person.untilComment('questions'),
    expected: {
      ...NOTHING_BUILT,
      ticket: 'needs_clarification',
      run: 'running',
      label: 'needs-clarification',
      open: true,
      comments: { status: 1, questions: 1 },
      said: 0,
      tasks: ['analyze waiting'],
    },
  }),
  'the pull request is closed': () => ({
    people: (person) => person.closePullWhenReady(),
    expected: { ...MERGED, ticket: 'cancelled', run: 'stopped_user', label: null, open: true, pull: 'closed' },
  }),
  // Another file than the Developer's: it is kept and built on. The Developer may have begun before the push or after it.
  'a person pushes to the branch': (place) => ({
    script: { files: [part(place, place + 1), part(place, place)] },
    holds: { agent: 'developer', round: 1 },
    async people(person) {
      await person.untilCheck('banyan/qa failure');
      await person.push(`notes/part-${place}.md`, 'Mine.\n');
      person.letGo();
      await person.mergeWhenReady();
    },
    expected: { ...BUILT_TWICE, pushed: 1 },
  }),
};

function scenarioOf(name: string, place: number): Scenario {
  const draft = DRAFTS[name]?.(place);
  if (!draft) throw new Error(`there is no scenario "${name}"`);
  const { by = 'maintainer', labels, script, ...rest } = draft;
  return {
    ...rest,
    name,
    issue: { title: `Part ${place}: ${name}`, by, ...(labels ? { labels } : {}) },
    script: { files: [part(place, place)], ...script },
  };
}

/** So many issues, all different until there are more than there are kinds. */
export function castOf(issues: number): Scenario[] {
  const names = Object.keys(DRAFTS);
  return Array.from({ length: issues }, (_, index) => scenarioOf(names[index % names.length] ?? '', index + 1));
}

/** Another issue that goes its way without turns. */
export function plainScenario(place: number): Scenario {
  return scenarioOf('plain', place);
}
