import { renderDigest } from '../domain/digest.ts';
import { say, tellWeek } from '../domain/effects.ts';
import { lookingJob } from './job.ts';

interface DigestFacts {
  project_id: string;
  /** Any of the repository: what is written to GitHub belongs to a ticket. */
  ticket_id: string;
  /** Null: one of Banyan's own. */
  issue: number | null;
  /** `2026-W48` */
  week: string;
  /** Banyan's own issue, where it told a week before. */
  last_on: number | null;
}

const SHOWN = 10;

/** One comment a week, on the issue that the repository's configuration names or on Banyan's own. It is a bot's, so it starts nothing. */
export const digestJob = lookingJob<DigestFacts>({
  name: 'digest',
  oncePerRun: true,
  async look({ data }, { store }) {
    const { project_id: projectId, ticket_id: ticketId, issue, week, last_on: lastOn } = data;
    const body = renderDigest(await store.digestFigures(projectId, SHOWN), week, new Date());
    const intents = [issue === null ? tellWeek(projectId, week, body, lastOn) : say({ projectId, number: issue }, `digest/${week}`, 'digest', body)];
    return { finding: null, act: { ticketId, expectVersion: null, intents }, did: ['digest'] };
  },
});
