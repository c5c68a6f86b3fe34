/**
 * What the local GitHub remembers, as plain data. Nothing here holds a URL: the server may listen elsewhere after a restart.
 * Accounts are named by login, repositories' parts by id, commits by sha.
 */

export type Role = 'read' | 'triage' | 'write' | 'maintain' | 'admin';

export type JsonObject = Record<string, unknown>;

export interface Account {
  id: number;
  login: string;
  type: 'User' | 'Organization' | 'Bot';
  name: string | null;
  email: string | null;
  createdAt: string;
}

export interface Reaction {
  id: number;
  user: string;
  content: string;
  createdAt: string;
}

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
  isDefault: boolean;
}

export interface Milestone {
  id: number;
  number: number;
  title: string;
  description: string | null;
  state: 'open' | 'closed';
  creator: string;
  dueOn: string | null;
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
}

export interface PullData {
  id: number;
  headRef: string;
  headSha: string;
  baseRef: string;
  /** Tip of the base when it was last known; frozen when the pull request closes. */
  baseSha: string;
  draft: boolean;
  mergedAt: string | null;
  mergedBy: string | null;
  mergeCommitSha: string | null;
  requestedReviewers: string[];
  autoMerge: { method: 'merge' | 'squash' | 'rebase'; by: string } | null;
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  author: string;
  viaApp: boolean;
  state: 'open' | 'closed';
  stateReason: 'completed' | 'not_planned' | 'duplicate' | 'reopened' | null;
  labelIds: number[];
  assignees: string[];
  milestoneId: number | null;
  locked: boolean;
  lockReason: string | null;
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  closedBy: string | null;
  reactions: Reaction[];
  /** Database ids of issues, possibly of another repository. */
  parentId: number | null;
  subIssueIds: number[];
  blockedByIds: number[];
  pull: PullData | null;
}

export interface IssueComment {
  id: number;
  issueNumber: number;
  author: string;
  viaApp: boolean;
  body: string;
  createdAt: string;
  updatedAt: string;
  reactions: Reaction[];
}

export interface IssueEvent {
  id: number;
  issueNumber: number;
  event: string;
  actor: string;
  viaApp: boolean;
  commitSha: string | null;
  createdAt: string;
  /** The event's own facts: label, assignee, rename, requested reviewer. */
  details: JsonObject;
}

export type ReviewState = 'PENDING' | 'COMMENTED' | 'APPROVED' | 'CHANGES_REQUESTED' | 'DISMISSED';

export interface Review {
  id: number;
  pullNumber: number;
  author: string;
  body: string;
  state: ReviewState;
  commitSha: string;
  submittedAt: string | null;
  updatedAt: string;
}

export interface ReviewComment {
  id: number;
  pullNumber: number;
  reviewId: number;
  inReplyTo: number | null;
  author: string;
  body: string;
  path: string;
  side: 'LEFT' | 'RIGHT';
  line: number | null;
  startSide: 'LEFT' | 'RIGHT' | null;
  startLine: number | null;
  position: number | null;
  subjectType: 'line' | 'file';
  diffHunk: string;
  commitSha: string;
  createdAt: string;
  updatedAt: string;
  resolvedBy: string | null;
  reactions: Reaction[];
}

export interface CheckSuite {
  id: number;
  headSha: string;
  headBranch: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface CheckRun {
  id: number;
  suiteId: number;
  name: string;
  headSha: string;
  status: string;
  conclusion: string | null;
  startedAt: string | null;
  completedAt: string | null;
  detailsUrl: string | null;
  externalId: string;
  title: string | null;
  summary: string | null;
  text: string | null;
  annotations: JsonObject[];
}

export interface CommitStatus {
  id: number;
  sha: string;
  state: string;
  context: string;
  description: string | null;
  targetUrl: string | null;
  creator: string;
  createdAt: string;
}

export interface DeploymentStatus {
  id: number;
  state: string;
  description: string;
  environment: string;
  targetUrl: string;
  logUrl: string;
  environmentUrl: string;
  creator: string;
  viaApp: boolean;
  createdAt: string;
}

export interface Deployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  payload: unknown;
  environment: string;
  description: string | null;
  transient: boolean;
  production: boolean;
  creator: string;
  viaApp: boolean;
  createdAt: string;
  updatedAt: string;
  statuses: DeploymentStatus[];
}

export interface WorkflowRun {
  id: number;
  workflowId: number;
  name: string;
  path: string;
  runNumber: number;
  runAttempt: number;
  event: string;
  status: string;
  conclusion: string | null;
  headBranch: string;
  headSha: string;
  displayTitle: string;
  actor: string;
  createdAt: string;
  updatedAt: string;
}

export interface Repository {
  id: number;
  owner: string;
  name: string;
  description: string | null;
  homepage: string | null;
  private: boolean;
  archived: boolean;
  hasIssues: boolean;
  topics: string[];
  defaultBranch: string;
  settings: {
    allowMergeCommit: boolean;
    allowSquashMerge: boolean;
    allowRebaseMerge: boolean;
    allowAutoMerge: boolean;
    deleteBranchOnMerge: boolean;
  };
  createdAt: string;
  updatedAt: string;
  pushedAt: string;
  nextNumber: number;
  collaborators: Record<string, Role>;
  protections: Record<string, JsonObject>;
  labels: Label[];
  milestones: Milestone[];
  issues: Issue[];
  comments: IssueComment[];
  events: IssueEvent[];
  reviews: Review[];
  reviewComments: ReviewComment[];
  checkSuites: CheckSuite[];
  checkRuns: CheckRun[];
  statuses: CommitStatus[];
  deployments: Deployment[];
  workflowRuns: WorkflowRun[];
}

/** What does not belong to one repository. */
export interface ForgeRoot {
  nextId: number;
  accounts: Account[];
  /** Logins of the members that administer an organization, by the organization's login. */
  organizationAdmins: Record<string, string[]>;
  /** Personal tokens: token to login. */
  tokens: Record<string, string>;
  installation: { id: number; account: string; createdAt: string };
  appId: number;
  /** Signs installation tokens, so that they outlive a restart without being stored. */
  tokenSecret: string;
  /** Ids of installation tokens that were given back before they ran out. */
  revokedTokens: string[];
  webhook: { url: string | null; secret: string };
}

export interface DeliveryRecord {
  id: number;
  guid: string;
  event: string;
  action: string | null;
  repositoryId: number | null;
  deliveredAt: string;
  redelivery: boolean;
  durationSeconds: number;
  status: string;
  statusCode: number;
  url: string;
  requestHeaders: Record<string, string>;
  payload: JsonObject;
  responseHeaders: Record<string, string>;
  responseBody: string;
}
