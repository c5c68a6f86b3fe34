import { app } from './app.ts';
import { github } from './github.ts';
import { supabase } from './supabase.ts';
import { vercel } from './vercel.ts';
import type { ServiceStep } from './step.ts';

/** In the order in which each can use what the one before it made. */
export const SERVICES: readonly ServiceStep[] = [github, app, supabase, vercel];
