import { ProductOwnerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Asks what a model would do with it, and what it must not. */
export class McpProductOwner extends ProductOwnerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What to ask of an issue in an MCP server

Ask only what the code does not settle, and only where it applies:

- **The task**: what sentence would a person say to the model, and which calls should follow? Is it a tool (the model decides), a resource (the application attaches it) or a prompt (the person picks it)? Would an argument of an existing tool do?
- **What it changes**: reading, adding, or destroying? May it be called twice? Is there an undo or a preview? What is the least right that it needs, and with whose identity does it act?
- **What comes back**: which fields does the model need next, how large can it get, how is it paged or cut? Which parts were written by strangers?
- **Failures**: which can the model correct by itself, and what text tells it how?
- **Clients**: which transports and protocol versions, which capabilities may be absent, and what happens then?
- **What exists**: does a name, a schema or a result change that clients have approved or saved?

Acceptance criteria are calls with results: "\`search {query: ''}\` gives isError with 'query must not be empty'"; one for hostile content in the data, one for an argument outside of what is allowed, one for cancellation where it takes long.`;
  }
}
