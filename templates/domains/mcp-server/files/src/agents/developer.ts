import { DeveloperAgent } from 'banyan';
import { DOMAIN } from './domain.ts';

/** Builds tools that a model uses rightly at the first try and cannot misuse. */
export class McpDeveloper extends DeveloperAgent {
  override getDomainContext(): string {
    return `${DOMAIN}

## How to build in an MCP server

- One schema per tool (zod or what is there) is the source of the JSON Schema, the validation and the type. Write descriptions for the model: one sentence on what, one on when, units and formats at each property, an example where a format is odd.
- A tool's handler is a plain function of validated arguments and a context (signal, logger, identity): testable without a transport.
- Return what the model needs next, ids before prose, stable order, at most some thousand tokens; say what was cut and how to go on. \`structuredContent\` fits \`outputSchema\` exactly.
- Put foreign content into fields of its own with its origin. Strip control characters and terminal sequences. Never build a description, a prompt or a next call from it.
- Failures of the task: \`isError: true\`, what was wrong, what is allowed. Unforeseen ones: a short text with an id to the client, the rest to the log.
- Pass the signal to every outside call and child process; a cancelled call stops, cleans up and answers nothing. Set time limits below those of clients (often 60 s); report progress if a token was given.
- Never write to stdout over stdio: no console.log, no library that prints, no child process that inherits it. Redirect before anything is loaded.
- Resolve paths with realpath after joining, compare with the allowed root including its separator. No shell. Connect only to addresses that were checked after resolution, also after redirects.
- Check rights in the handler with the caller's identity. Do not forward the caller's token. Keep secrets out of results, errors, logs and \`_meta\`.
- Tests run the real server over an in-memory or stdio transport with the SDK's client: list, call, wrong arguments, failure, cancellation, and a snapshot of names and schemas, so that a change of them is seen.`;
  }
}
