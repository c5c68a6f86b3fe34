import { openIssue } from '../../e2e/watch.ts';
import { callTool } from '../../../src/testing/openai-server.ts';
import { content, inRole, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from '../../engine/scripts.ts';
import { asks } from './plays.ts';
import type { Plot, Stage } from './stage.ts';

/*
 * Failures as they come in practice, none of them used to set a threshold. Each is brought about, two ticks follow, then the work that is left, and
 * two ticks more: what was found must have been found in the first two, and nobody may be told of it again.
 */

export interface Failure {
  name: string;
  /** Brings it about. */
  happens: (stage: Stage) => Promise<Plot>;
  /** Jobs beside those of a tick that are called. */
  jobs?: readonly string[];
  /** Beginnings of what must be found, any of them; or what there is to see where nothing is kept of it. */
  finds: readonly string[] | ((stage: Stage, plot: Plot) => Promise<boolean>);
  /** Whether it is mended without a person; `person` where only one can. */
  ends: (stage: Stage, plot: Plot) => Promise<boolean> | 'person';
}

const reviewed = async (stage: Stage, plot: Plot): Promise<boolean> => (await stage.label(plot)) === 'in-review';

/** A process that ends after its first stored step, and is never started again. */
async function dies(stage: Stage): Promise<void> {
  await stage.engine
    .process({ death: { at: 'store', call: 'appendMessages', when: 'after', matches: (args) => JSON.stringify(args[2]).includes('tool_calls') } })
    .drainToDeath();
}

const sqlOf = (stage: Stage, plot: Plot, statement: string): Promise<unknown> =>
  stage.engine.sql(
    statement.replaceAll(
      '$ticket',
      `(select t.id from public.tickets t join public.projects p on p.id = t.project_id where p.name = '${plot.watched.repo}' and t.number = ${plot.issue})`,
    ),
  );

/** A run at work that has spent so much already, where runs of its kind cost `median`. */
async function dear(stage: Stage, repo: string, { runs, median, usd }: { runs: number; median: number; usd: number }): Promise<Plot> {
  const plot = await stage.open(repo, content);
  await dies(stage);
  await stage.age(plot, 1);
  await sqlOf(stage, plot, `update public.runs set spent_usd = ${usd} where ticket_id = $ticket`);
  await sqlOf(stage, plot, `delete from banyan.run_norms where figure = 'cost_usd'`);
  await sqlOf(
    stage,
    plot,
    `insert into banyan.run_norms (organization_id, workflow, kind, figure, runs, median, spread)
       select r.organization_id, r.workflow, t.kind, 'cost_usd', ${runs}, ${median}, 0.3
       from public.runs r join public.tickets t on t.id = r.ticket_id where t.id = $ticket`,
  );
  return plot;
}

export const FAILURES: readonly Failure[] = [
  {
    name: 'a worker is killed and never comes back',
    async happens(stage) {
      const plot = await stage.open('gone', content);
      await dies(stage);
      await stage.age(plot, 1);
      return plot;
    },
    finds: ['diagnose: ', 'stall: ', 'heartbeat: '],
    ends: reviewed,
  },
  {
    name: 'three calls in turn, for ever',
    async happens(stage) {
      let asked = 0;
      const files = ['greeting.txt', 'notes/old.txt', 'README.md'];
      return stage
        .open(
          'in-turn',
          inRole('developer', async (request) => {
            if (/undone|off course|steer/i.test(saidTo(request))) return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
            asked += 1;
            if (asked === 36) await stage.tick();
            if (asked === 38) await stage.tick();
            return callTool('read_file', { path: files[asked % 3] ?? '' });
          }),
        )
        .then(async (plot) => {
          await stage.engine.settle();
          return plot;
        });
    },
    finds: ['anomaly: ', 'guardian: ', 'event: guardian'],
    ends: reviewed,
  },
  {
    name: 'an answer that is waited for since three days',
    async happens(stage) {
      const plot = await stage.open('silent', asks, { labels: [] });
      await stage.engine.settle();
      await stage.age(plot, 72);
      return plot;
    },
    finds: ['approvals: answers:remind'],
    ends: () => 'person',
  },
  {
    name: 'an answer that never comes',
    async happens(stage) {
      const plot = await stage.open('never', asks, { labels: [] });
      await stage.engine.settle();
      await stage.age(plot, 24 * 60);
      return plot;
    },
    finds: ['approvals: '],
    ends: async (stage, plot) => !['needs-clarification', 'in-progress', 'in-review'].includes(await stage.label(plot)),
  },
  {
    name: 'the next task is lost',
    async happens(stage) {
      const plot = await stage.open(
        'lost',
        inRole('qa', () => callTool('submit_qa_result', { passed: true, summary: 'It holds.', findings: [] })),
      );
      await stage.engine.settle();
      await sqlOf(stage, plot, `delete from public.tasks where ticket_id = $ticket and phase = 'review'`);
      await sqlOf(stage, plot, `update public.tickets set state = 'in_qa', waiting_for = null, waiting_on = null, waiting_since = null where id = $ticket`);
      await sqlOf(stage, plot, `update public.runs set state = 'running', finished_at = null where ticket_id = $ticket`);
      return plot;
    },
    finds: ['event: run.mended', 'blocked: '],
    ends: reviewed,
  },
  {
    name: 'a lease that somebody renews while nothing is stored for hours',
    async happens(stage) {
      const plot = await stage.open('frozen', content);
      await dies(stage);
      await stage.age(plot, 5);
      await sqlOf(stage, plot, `update public.tasks set lease_expires_at = now() + interval '1 hour' where ticket_id = $ticket and state = 'running'`);
      return plot;
    },
    finds: ['diagnose: ', 'stall: '],
    ends: reviewed,
  },
  {
    name: 'a merge that was never heard of',
    async happens(stage) {
      const plot = await stage.open('unheard', content);
      await stage.engine.settle();
      await stage.merge(plot);
      await stage.engine.github.idle();
      await stage.engine.sql(`delete from public.deliveries where state = 'pending'`);
      return plot;
    },
    jobs: ['reconcile'],
    finds: async (stage, plot) => (await stage.state(plot)) === 'done',
    ends: async (stage, plot) => (await stage.label(plot)) === 'done',
  },
  {
    name: 'a label that somebody took off unheard',
    async happens(stage) {
      const plot = await stage.open('unlabelled', content);
      await stage.engine.settle();
      const { watched, issue } = plot;
      await watched.octokit.rest.issues.removeLabel({ owner: watched.owner, repo: watched.repo, issue_number: issue, name: 'in-review' });
      await stage.engine.github.idle();
      await stage.engine.sql(`delete from public.deliveries where state = 'pending'`);
      return plot;
    },
    jobs: ['reconcile'],
    finds: ['reconcile: '],
    ends: reviewed,
  },
  {
    name: 'a protected file that is tried in many ways',
    async happens(stage) {
      let asked = 0;
      const tries = [
        callTool('write_file', { path: '.github/workflows/ci.yml', content: 'on: push' }),
        callTool('read_file', { path: 'greeting.txt' }),
        callTool('edit_file', { path: '.github/workflows/ci.yml', old_string: 'a', new_string: 'b' }),
        callTool('search_code', { query: 'workflow' }),
        callTool('write_file', { path: '.github/CODEOWNERS', content: '* @me' }),
        callTool('list_files', {}),
        callTool('delete_file', { path: '.github/workflows/ci.yml' }),
        callTool('read_file', { path: 'notes/old.txt' }),
      ];
      const plot = await stage.open(
        'protected',
        inRole('developer', async () => {
          const step = tries[asked];
          asked += 1;
          if (asked >= 8 && asked <= 9) await stage.tick();
          if (step) return step;
          return asked === tries.length + 1 ? WRITE_GREETING : SUBMIT_DEVELOPER;
        }),
      );
      await stage.engine.settle();
      return plot;
    },
    finds: ['guardian: ', 'event: guardian'],
    ends: () => 'person',
  },
  {
    name: 'much reading that leads nowhere',
    async happens(stage) {
      let asked = 0;
      const plot = await stage.open(
        'nowhere',
        inRole('developer', async (request) => {
          if (/undone|off course|steer/i.test(saidTo(request))) return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : WRITE_GREETING;
          asked += 1;
          if (asked >= 70 && asked <= 71) await stage.tick();
          return callTool('search_code', { query: `the meaning of ${asked}` });
        }),
      );
      await stage.engine.settle();
      return plot;
    },
    finds: ['guardian: ', 'anomaly: ', 'event: guardian'],
    ends: () => 'person',
  },
  {
    name: 'one failure, whatever is changed, by a call that is never the same',
    async happens(stage) {
      let asked = 0;
      const plot = await stage.open(
        'same-failure',
        inRole('developer', async (request) => {
          if (saidTo(request).includes('word of the guardian')) return SUBMIT_DEVELOPER;
          asked += 1;
          if (asked === 30 || asked === 31) await stage.tick();
          return asked % 2
            ? callTool('write_file', { path: 'greeting.txt', content: `Try ${asked}\n` })
            : callTool('run_command', { command: `echo "1 of 3 fails"; exit 1 # try ${asked}` });
        }),
      );
      await stage.engine.settle();
      return plot;
    },
    finds: ['guardian: failure', 'event: guardian'],
    ends: reviewed,
  },
  {
    name: 'two pull requests that change the same line',
    async happens(stage) {
      const plot = await stage.open('same-lines', content);
      const second = await openIssue(plot.watched, { title: 'Say goodbye in the greeting', body: 'Another thing.', labels: ['ready-for-dev'] });
      await stage.engine.settle();
      return { ...plot, issue: second };
    },
    jobs: ['conductor'],
    finds: ['conductor: '],
    ends: () => 'person',
  },
  {
    name: 'the same issue twice',
    async happens(stage) {
      const text = 'When somebody enters the shop the greeting should mention the season, so that regular customers notice the decoration.';
      const plot = await stage.open('twice', asks, { title: 'Greeting should mention the season', body: text, labels: [] });
      const second = await openIssue(plot.watched, { title: 'The greeting should mention the season', body: `${text} Thanks!` });
      await stage.engine.settle();
      return { ...plot, issue: second };
    },
    jobs: ['conductor'],
    finds: ['conductor: '],
    ends: () => 'person',
  },
  {
    name: 'an older issue that comes to ask for what a newer one does',
    async happens(stage) {
      const text = 'When somebody leaves the shop the last page should name the opening hours of the next day, so that regular customers come back.';
      const plot = await stage.open('twice-later', asks, { title: 'Something about the last page', body: 'To be told.', labels: [] });
      const second = await openIssue(plot.watched, { title: 'Last page should name the opening hours', body: text });
      await stage.engine.settle();
      await stage.tick(['conductor']);
      const { octokit, owner, repo } = plot.watched;
      await octokit.rest.issues.update({ owner, repo, issue_number: plot.issue, title: 'The last page should name the opening hours', body: text });
      await stage.engine.settle();
      return { ...plot, issue: second };
    },
    jobs: ['conductor'],
    finds: ['conductor: '],
    ends: () => 'person',
  },
  {
    name: 'the second run costs ten times the first',
    happens: (stage) => dear(stage, 'dear-second', { runs: 1, median: 0.2, usd: 2.1 }),
    finds: ['anomaly: '],
    ends: reviewed,
  },
  {
    name: 'ten times the median, which is some cents',
    happens: (stage) => dear(stage, 'dear-cents', { runs: 12, median: 0.0006, usd: 0.007 }),
    finds: ['anomaly: '],
    ends: reviewed,
  },
  {
    name: 'ten times the median of many runs',
    happens: (stage) => dear(stage, 'dear-dollars', { runs: 12, median: 0.4, usd: 4.2 }),
    finds: ['anomaly: '],
    ends: () => 'person',
  },
];
