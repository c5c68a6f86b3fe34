import { getDeadline, waitUntil } from '@vercel/functions';
import { createHandlers } from '../src/app.ts';

export const POST = createHandlers({ waitUntil, deadline: getDeadline }).agents;
