import { createHandlers } from '../src/app.ts';
import { waitUntil } from '../src/config/vercel.ts';

// Its work ends with the answer: no deadline matters.
export const POST = createHandlers({ waitUntil, deadline: () => undefined }).webhook;
