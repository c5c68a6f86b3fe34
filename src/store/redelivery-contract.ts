/** One attempt of GitHub's to hand an event over, as it is kept. Ids are text: they are beyond what a number holds exactly. */
export interface RecordedAttempt {
  id: string;
  guid: string;
  delivered_at: Date;
  succeeded: boolean;
  status_code: number;
  event: string;
  action: string | null;
  installation_id: number | null;
}

/** A stretch of GitHub's list that was not read yet: from the cursor back to the time. */
export interface ListGap {
  cursor: string;
  until: string;
}

/** How far GitHub's list of attempts was read. */
export interface RedeliveryProgress {
  version: number;
  /** When the newest attempt that was read was made; null before the first run. */
  seen_until: string | null;
  gaps: ListGap[];
  /** Older attempts are nobody's business any more: GitHub has forgotten them. */
  horizon: string;
}

/** A delivery whose every attempt failed so far. */
export interface MissedDelivery {
  guid: string;
  /** Of the newest attempt. */
  delivery_id: string;
  event: string;
  action: string | null;
  status_code: number;
  /** How often it was asked for or fetched, this time included. */
  attempts: number;
  happened_at: string;
  outcome: string | null;
}

/** Calls about deliveries that GitHub could not hand over. */
export interface RedeliveryStore {
  redeliveryProgress(): Promise<RedeliveryProgress>;
  /** Keeps the attempts of one page, and with them how far the list is read. `overtaken`: another run moved on from the same version; the attempts are kept all the same. */
  recordAttempts(
    attempts: RecordedAttempt[],
    progress: Omit<RedeliveryProgress, 'horizon'>,
  ): Promise<{ status: 'recorded'; version: number } | { status: 'overtaken' }>;
  /** Closes what came meanwhile; gives up, and returns, what is out of time or attempts. */
  closeMissed(maxAttempts: number): Promise<MissedDelivery[]>;
  /** The oldest missed delivery that is due, counted as tried; null where none is. */
  claimMissed(): Promise<MissedDelivery | null>;
  settleMissed(guid: string, state: 'received' | 'recovered' | 'lost', outcome: string): Promise<void>;
}
