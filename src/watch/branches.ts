import { deleteBranch } from '../domain/effects.ts';
import { lookingJob } from './job.ts';

interface ClosedPull {
  ticket_id: string;
  project_id: string;
  number: number;
  branch: string;
  pull_number: number;
}

/** What is wanted is no candidate any more; should that be lost, it is wanted again the next day. */
const NEXT_DAY = 12 * 3600;

/** A part of the sweep: branches of closed pull requests, where the repository's configuration wants them deleted. Whether one may go is asked when it goes. */
export const branchesJob = lookingJob<ClosedPull>({
  name: 'branches',
  rows: 500,
  look: ({ data }) => {
    const { ticket_id: ticketId, project_id: projectId, number, branch, pull_number: pull } = data;
    const intents = [deleteBranch({ projectId, number }, branch, pull)];
    return { finding: null, nextLookSeconds: NEXT_DAY, act: { ticketId, expectVersion: null, intents }, did: ['branches'] };
  },
});
