const PRODUCT = {{json:description}};

/** What everybody on the team knows about the field. Correct it where yours differs: it is part of every prompt. */
export const DOMAIN = `This product is a library that other people's programs depend on: ${PRODUCT}

- **The public surface** is whatever a user can import, call, configure, subclass, read from a result, or observe: exported names, their types, options and defaults, thrown errors and their codes, events and their order, files on disk, command line and exit codes, peer dependencies, supported runtimes. With enough users all observable behaviour is depended on (Hyrum's law); what is documented or typed is promised.
- **Semantic versions**: a patch corrects behaviour towards what is documented; a minor adds in a way that existing code does not notice; a major may break, with a migration guide. Raising the minimum runtime, adding a required option, narrowing an accepted type, widening a returned one, making a sync function async, or a new mandatory peer dependency is breaking. Below 1.0 the minor plays the major's part.
- **Types are API.** A change of types that stops a correct program from compiling is breaking, even if nothing changes at run time. Parameters may become wider and results narrower, not the other way round; a new member of a union that users switch over exhaustively, or a new required member of an interface that users implement, breaks them. The minimum TypeScript version is part of the support statement.
- **Deprecation before removal**: marked in the types (@deprecated with what to use instead), described in the changelog, warned about at most once per process where that is the custom, removed in the next major at the earliest.
- **Packaging**: "exports" is the list of entry points; a path that was reachable and is not any more is a break. ESM and CommonJS users may load both copies at once: no state that must be single, and no instanceof across the boundary. Types have to resolve for each entry and condition (node16/nodenext and bundler).
- **Tree-shaking**: no work and no side effects at import, "sideEffects" tells the truth, heavy parts are separate entries, nothing large is reachable from the main one. Size and import time are features.
- **Dependencies** are a cost for every user: security notices, duplicates, licences, install time. Those whose types or instances appear in the public surface are peers or are wrapped.
- **Runtimes**: the supported versions of Node (and browsers, Deno, Bun, workers where stated) are tested. A platform's built-ins are used only where all supported ones have them.
- **A library is a guest**: it does not print, exit, change globals, read the environment or the network unasked, keep timers or handles open, or change what it was given.`;
