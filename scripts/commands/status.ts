import { findRunningStack } from './running-stack.ts';

/** Prints what the health function says. Fails where it cannot do its work. */
export async function status(env: Record<string, string | undefined>): Promise<void> {
  const { urls } = await findRunningStack(env);
  const response = await fetch(`${urls.app}/api/health`);
  console.log(`app ${urls.app}  github ${urls.github}  supabase ${urls.supabase}`);
  console.log(JSON.stringify(await response.json(), null, 2));
  if (!response.ok) process.exitCode = 1;
}
