import { ReviewerAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Refuses what a model could be talked into. */
export class McpReviewer extends ReviewerAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## What must change before a merge in an MCP server

- Anything that can write to stdout besides the transport.
- An argument that reaches a shell, a path, a query, a URL or an option list without being checked; a check of a path before links are resolved, or of an address before redirects.
- Foreign content that lands in a description, a prompt, an error, a log line or the choice of a next call; or that comes back without origin and bound.
- A tool that combines private data with a way out, or whose effect is larger than its name and annotations say; a destructive one without a narrow argument (no "all", no wildcard by default).
- A client's token that is passed on, an audience that is not checked, a session id that serves as authentication, a local server that binds to all interfaces or ignores Origin.
- A name, schema, default or meaning that changes for clients that exist, without a new name or version.
- Validation that differs from the published schema; \`structuredContent\` that may not fit \`outputSchema\`.
- An outside call without signal and time limit; work that goes on after a cancellation; an answer to a cancelled request.
- A failure that the model could correct and that is thrown as an error of the protocol; a text with internals.
- A new tool where an argument would do; a description that a model cannot choose by.

Read each tool as a model would: from name, description and schema alone. Then as somebody who writes the page that it reads.`;
  }
}
