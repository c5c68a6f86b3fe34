/** A right that a key of browsers has and should not. */
export interface OpenRight {
  role: 'anon' | 'authenticated';
  kind: 'table' | 'sequence' | 'function';
  name: string;
  /** `insert, select` */
  rights: string;
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
  /** Of the jobs of the cron; null where none ever ran. */
  last_report: { job: string; age_seconds: number; failed: boolean } | null;
  /** Installations that GitHub has asked to wait. */
  held: { account: string; seconds: number }[];
}
