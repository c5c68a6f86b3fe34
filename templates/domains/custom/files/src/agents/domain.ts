const PRODUCT = {{json:description}};

/**
 * What everybody on the team knows about the business: it is part of every prompt. What stands here holds in any field; put
 * yours in its place, sentence by sentence. Good sentences say what a capable newcomer would get wrong.
 */
export const DOMAIN = `This product: ${PRODUCT}

- **Terms**: the words of the code, the documentation and the issues mean what the repository's glossary or types say. Two words for one thing, or one word for two, are worth a question before anything is built on them.
- **What must never happen**: data of one customer shown to another, data lost or doubled, something irreversible done without being asked for. Where a change comes near one of these, it is made to fail closed and a test shows it.
- **States**: things of the business that live longer than a request have states. Every transition is guarded, and happens once when it is asked for twice.
- **Amounts, dates and units**: quantities carry their unit, money is an integer with its currency, moments are stored in UTC and shown in a named time zone, calendar dates stay dates.
- **The outside**: other services are slow, down, or answer twice. Calls have a time limit, a key that makes a repetition harmless, and a decision on what the user sees meanwhile.`;
