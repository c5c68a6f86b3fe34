import type { Transcript } from './transcript.ts';

export interface PlannedCall {
  name: string;
  args: Record<string, unknown>;
}

/** One turn of the script: a sentence for the transcript and the calls to make. */
export interface Step {
  text: string;
  calls: PlannedCall[];
}

export function submit(transcript: Transcript, result: Record<string, unknown>): Step {
  return { text: '', calls: [{ name: transcript.submit ?? '', args: result }] };
}

/** Calls tools, those that are bound: a script must not ask for what the role does not have. */
export function use(transcript: Transcript, text: string, calls: PlannedCall[]): Step {
  return { text, calls: calls.filter((call) => transcript.tools.includes(call.name)) };
}
