import type { Expected } from './scenarios.ts';

/** One issue as GitHub and the database show it. */
export interface SeenIssue {
  number: number;
  name: string;
  expected: Expected;
  ticket: string | null;
  runs: string[];
  labels: string[];
  open: boolean;
  /** Hidden markers of Banyan's comments, whole. */
  markers: string[];
  said: number;
  /** Headlines of people's commits on the branch of which nothing was taken back. */
  pushed: string[];
  tasks: string[];
  pulls: ('merged' | 'open' | 'closed')[];
  /** Trailers by which Banyan's commits are known. */
  commits: string[];
  checks: { name: string; externalId: string; conclusion: string }[];
  /** Hidden markers of the reviews. */
  reviews: string[];
  /** What happened last, for whoever looks why. */
  last: string[];
}

export interface SeenTask {
  id: string;
  issue: number;
  phase: string;
  state: string;
  leased: boolean;
  tokensIn: number;
}

export interface SeenAnswer {
  tokensIn: number;
  task: string;
  /** Why nobody may have recorded it: what struck its worker, the database or its run meanwhile. */
  excuse: string | null;
}

/** Everything that is compared at the end. */
export interface World {
  issues: SeenIssue[];
  tasks: SeenTask[];
  effects: { key: string; state: string; leased: boolean }[];
  deliveries: { guid: string; state: string; leased: boolean }[];
  /** GUIDs of the events that GitHub sent and that count. */
  sent: string[];
  /** Whole answers that left the model. */
  answers: SeenAnswer[];
  /** Answers as the conversations keep them. */
  recorded: { task: string; tokensIn: number }[];
  /** Sums that the database keeps beside its messages. */
  sums: { what: string; kept: number; counted: number }[];
}
