import { getDeadline, waitUntil } from '@vercel/functions';
import { createHandlers } from '../src/app.ts';

export const GET = createHandlers({ waitUntil, deadline: getDeadline }).metrics;
