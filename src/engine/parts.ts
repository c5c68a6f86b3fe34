import type { InstanceSettings } from '../config/instance.ts';
import type { GitHubApp } from '../github/app.ts';
import type { Models } from '../llm/types.ts';
import type { SandboxProvider } from '../sandbox/types.ts';
import type { Store } from '../store/contract.ts';
import type { Log } from './log.ts';
import type { RoleAgent } from './role.ts';
import type { SnapshotCache } from './snapshots.ts';
import type { Tracing } from './tracing.ts';

/** What the composition root hands to the engine. */
export interface EngineParts {
  store: Store;
  github: GitHubApp;
  models: Models;
  roles: ReadonlyMap<string, RoleAgent>;
  /** What the owner of this instance says for every repository. */
  instance: InstanceSettings;
  sandboxes: SandboxProvider;
  snapshots: SnapshotCache;
  log: Log;
  tracing: Tracing;
  /** `https://github.com`: where people see what the API serves. */
  webUrl: string;
  /** `host`: what kind of place this is, for people who look at the list of workers. */
  settings: { leaseSeconds: number; tasks: number; host: string };
}
