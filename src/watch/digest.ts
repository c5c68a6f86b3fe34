import { renderDigest } from '../domain/digest.ts';
import { say } from '../domain/effects.ts';
import { lookingJob } from './job.ts';

interface DigestFacts {
  project_id: string;
  /** Any of the repository: what is written to GitHub belongs to a ticket. */
  ticket_id: string;
  issue: number;
  /** `2026-W48` */
  week: string;
}

const SHOWN = 10;

/** One comment a week on the issue that the repository's configuration names. It is a bot's, so it starts nothing. */
export const digestJob = lookingJob<DigestFacts>({
  name: 'digest',
  oncePerRun: true,
  async look({ data }, { store }) {
    const { project_id: projectId, ticket_id: ticketId, issue, week } = data;
    const body = renderDigest(await store.digestFigures(projectId, SHOWN), week, new Date());
    const intents = [say({ projectId, number: issue }, `digest/${week}`, 'digest', body)];
    return { finding: null, act: { ticketId, expectVersion: null, intents }, did: ['digest'] };
  },
});
