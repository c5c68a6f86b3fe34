import { openIssue } from '../../e2e/watch.ts';
import { callTool } from '../../../src/testing/openai-server.ts';
import { content, developerSteps, inRole, saidTo, SUBMIT_DEVELOPER, toolsCalled, WRITE_GREETING } from '../../engine/scripts.ts';
import { asks, QUESTION } from './plays.ts';
import type { Plot, Stage } from './stage.ts';

/** Runs of which nothing may be found, however often it is looked. */
export const HEALTHY: readonly { name: string; plays: (stage: Stage) => Promise<Plot> }[] = [
  {
    name: 'an issue from its opening to the merge',
    async plays(stage) {
      const plot = await stage.open('plain', async (request) => {
        await stage.tick();
        return content(request);
      });
      await stage.engine.settle();
      await stage.merge(plot);
      return plot;
    },
  },
  {
    name: 'an answer within the day',
    async plays(stage) {
      let asked = false;
      const plot = await stage.open(
        'answered',
        inRole('product-owner', (request) => {
          if (asked) return content(request);
          asked = true;
          return QUESTION;
        }),
        { labels: [] },
      );
      await stage.engine.settle();
      await stage.age(plot, 20);
      await stage.tick();
      await stage.answer(plot, '1: very warmly');
      return plot;
    },
  },
  {
    name: 'a pull request that waits for its merge since a day',
    async plays(stage) {
      const plot = await stage.open('unmerged', content);
      await stage.engine.settle();
      await stage.age(plot, 24);
      return plot;
    },
  },
  {
    name: 'a run that a person has paused, for a week',
    async plays(stage) {
      let asked = 0;
      const plot: Plot = await stage.open('resting', async (request) => {
        asked += 1;
        if (asked === 1) {
          await stage.answer(plot, '/banyan pause');
          await stage.engine.process().drain();
        }
        return content(request);
      });
      await stage.engine.settle();
      await stage.age(plot, 24 * 7);
      return plot;
    },
  },
  {
    name: 'an answer after a pause of two weeks',
    async plays(stage) {
      let asked = false;
      const plot = await stage.open(
        'patient',
        inRole('product-owner', (request) => {
          if (asked) return content(request);
          asked = true;
          return QUESTION;
        }),
        { labels: [] },
      );
      await stage.engine.settle();
      await stage.answer(plot, '/banyan pause');
      await stage.engine.settle();
      await stage.age(plot, 24 * 15);
      await stage.tick();
      await stage.answer(plot, '/banyan resume');
      await stage.engine.settle();
      await stage.tick();
      await stage.answer(plot, '1: very warmly');
      return plot;
    },
  },
  {
    name: 'many different reads, then the change',
    async plays(stage) {
      const reads = Array.from({ length: 14 }, (_, index) => callTool('search_code', { query: `word ${index}` }));
      const watching = reads.map((answer) => async () => {
        await stage.tick();
        return answer;
      });
      const plot = await stage.open('thorough', developerSteps(...watching, WRITE_GREETING, SUBMIT_DEVELOPER));
      await stage.engine.settle();
      return plot;
    },
  },
  {
    name: 'part after part, with the same passing suite after each',
    async plays(stage) {
      const parts = Array.from({ length: 14 }, (_, index) => [
        callTool('write_file', { path: `greeting-${index}.txt`, content: `Greeting ${index}\n` }),
        callTool('run_command', { command: 'echo all tests pass' }),
      ]).flat();
      const watching = parts.map((answer, index) => async () => {
        if (index > 20) await stage.tick();
        return answer;
      });
      const plot = await stage.open('parts', developerSteps(...watching, SUBMIT_DEVELOPER));
      await stage.engine.settle();
      return plot;
    },
  },
  {
    name: 'two issues of one sort that are about different things',
    async plays(stage) {
      const play = inRole('developer', (request) => {
        const path = saidTo(request).includes('Farewell') ? 'farewell.txt' : 'thanks.txt';
        return toolsCalled(request).includes('write_file') ? SUBMIT_DEVELOPER : callTool('write_file', { path, content: 'Warm words.\n' });
      });
      const plot = await stage.open('neighbours', play, { title: 'Farewell text', body: 'Customers who leave should read a friendly farewell.' });
      await openIssue(plot.watched, {
        title: 'Text of thanks',
        body: 'Customers who have paid should read a friendly word of thanks.',
        labels: ['ready-for-dev'],
      });
      await stage.engine.settle();
      return plot;
    },
  },
  {
    name: 'two issues that read alike and ask for the opposite',
    async plays(stage) {
      const plot = await stage.open('opposite', asks, { title: 'Greet customers by their name', body: 'At the door.', labels: [] });
      await openIssue(plot.watched, { title: 'Do not greet customers by their name', body: 'At the door.' });
      await stage.engine.settle();
      return plot;
    },
  },
];
