import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses what this field cannot bear. */
export class OwnReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge

- A rule of the business that now stands in two places, or differs from its name.
- Data that is found by an id alone, without asking whose it is.
- Something irreversible (deletion, a message sent, money moved) without a guard against a second time.
- Personal data that newly reaches a log, an event or another service.
- A change of stored data or of an interface that running code or users' scripts do not survive.`;
  }
}
