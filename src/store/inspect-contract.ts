/** A right that a key of browsers has and should not. */
export interface OpenRight {
  role: 'anon' | 'authenticated';
  kind: 'table' | 'sequence' | 'function' | 'role' | 'policy' | 'view';
  name: string;
  /** As it stands between the role and the kind in a sentence: `insert, select`, `become`, `select by`. */
  rights: string;
}

export interface LastReport {
  job: string;
  age_seconds: number;
  /** As a whole. */
  failed: boolean;
}

/** What the doctor asks of the database. */
export interface Inspection {
  schema_version: string;
  /** Versions of what is applied, oldest first; null where the book of it may not be read. */
  migrations: string[] | null;
  /** The database's clock. */
  now: string;
  /** As whom it is called. */
  role: string;
  /** Those that the Data API serves. */
  tables: string[];
  /** Tables without row level security. */
  unguarded: string[];
  open: OpenRight[];
  /** The last run of each job of the cron that ever ran, newest first. */
  reports: LastReport[];
  /** Installations that GitHub has asked to wait. */
  held: { account: string; seconds: number }[];
}
