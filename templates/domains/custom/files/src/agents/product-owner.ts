import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks what somebody of this field would ask. */
export class OwnProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask

- Who is it for, and who else uses the same screen, command or interface today?
- What happens to what exists: stored data, running processes, links and scripts of users?
- What is the answer where the input is missing, doubled, too large or not allowed?
- Is there a law, a contract or a promise to users that bounds it (retention, deletion, accessibility, notice)?

Write acceptance criteria with concrete values from this field, and at least one for what must be refused.`;
  }
}
