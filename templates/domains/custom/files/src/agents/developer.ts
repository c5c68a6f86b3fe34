import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Builds the way this field demands. */
export class OwnDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build

- Use the types and helpers of the business that are there (identifiers, amounts, dates, permissions) and never a parallel spelling of one.
- Put a rule of the business in one place, under its name, with a table of examples as its test.
- Check permission where data is read, not where it is shown.
- A write that depends on what was read has a condition, a version or a lock.
- Old and new code run side by side while it is deployed: a change of stored data comes in steps that both bear.`;
  }
}
