import type { AgentState } from '../domain/liveness.ts';

/** A worker as it introduces itself. */
export interface WorkerProfile {
  version: string;
  /** What kind of place it runs in. */
  host: string;
  roles: string[];
  lease_seconds: number;
}

/** A role at work in an organization. */
export interface AgentProfile {
  organization_id: string;
  role: string;
  name: string;
  /** Names of the tools it may use. */
  capabilities: string[];
}

/** The judgement about an agent, taken on what was known then. */
export interface JudgedAgent {
  organizationId: string;
  key: string;
  role: string;
  /** Losses up to this one are in it; 0: none. */
  newestLoss: number;
  from: AgentState;
  state: AgentState;
  lossesInARow: number;
  /** What the role could begin waits for so long; null: as it was. */
  holdSeconds: number | null;
}

/** An agent of elsewhere, as the registry knows it. */
export interface AgentIdentity {
  id: string;
  organization_id: string;
  role: string;
  key: string;
  state: AgentState;
  public_key: string;
}

export interface NewAgent {
  /** Its login. */
  organization: string;
  role: string;
  name: string;
  publicKey: string;
  capabilities: string[];
}

/** Calls about agents of elsewhere, which sign what they ask for. */
export interface IdentityStore {
  /** @throws BanyanError `conflict` where the key belongs to an agent that is retired or has another role; `database_error` (PT404): no such organization */
  registerAgent(agent: NewAgent): Promise<Pick<AgentIdentity, 'id' | 'role' | 'state'> & { name: string }>;
  /** Its key counts no more, and what it held is given back. */
  retireAgent(id: string): Promise<void>;
  /** Null where there is no such agent of elsewhere. */
  readAgentKey(id: string): Promise<AgentIdentity | null>;
  /** Takes a signed request, once. Null: it was taken before. */
  admitAgent(id: string, nonce: string, expiresAt: Date): Promise<AgentState | null>;
  /** It handed in a result of the right form: it is well. */
  noteAgentResult(id: string): Promise<void>;
}

/** Calls about who works here. */
export interface AgentStore {
  /** A worker took on a task; with the roles that its process works in for the first time. */
  registerWorker(worker: string, profile: WorkerProfile, agents: AgentProfile[]): Promise<void>;
  /** A worker ends of itself, with nothing in its hands. */
  leaveWorker(worker: string): Promise<void>;
  /** False where it was seen since, or judged by somebody else. */
  judgeWorker(name: string, seenAt: string, state: 'degraded' | 'failed'): Promise<boolean>;
  /** Stores a judgement once; `held`: tasks that were put off, or need wait no longer. Null where it was judged by somebody else meanwhile. */
  judgeAgent(judged: JudgedAgent): Promise<{ held: number } | null>;
}
