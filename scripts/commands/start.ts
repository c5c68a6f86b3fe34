import { onStopSignal } from '../../src/local/launch.ts';
import { openStack } from '../../src/local/open.ts';
import type { Stack } from '../../src/local/stack.ts';

function readyText({ urls }: Stack): string {
  const body = `'{"title":"Add discount codes to the cart"}'`;
  return `banyan ready  app ${urls.app}  github ${urls.github}  supabase ${urls.supabase}

Open an issue and watch it become a pull request:
  in a browser   ${urls.github}/acme/shop/issues
  with curl      curl -X POST ${urls.github}/repos/acme/shop/issues -H 'Authorization: Bearer maintainer-token' -d ${body}
  step by step   npx banyan demo        (in another terminal)
Ctrl-C stops everything; the next start goes on where this one was.`;
}

/** An npm that is killed outright cannot pass the signal on; the stack must not outlive it unseen. */
function stopWithParent(): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 1000);
  watch.unref();
}

/** Everything on this machine, until a signal to stop. See docs/architecture.md, section 6. */
export async function start(env: Record<string, string | undefined>): Promise<void> {
  const stopEarly = () => process.exit(130);
  process.once('SIGINT', stopEarly);
  process.once('SIGTERM', stopEarly);
  const print = (line: string) => console.log(line);
  const stack = await openStack({ cwd: process.cwd(), env, print, note: (line) => console.error(line) });
  process.off('SIGINT', stopEarly);
  process.off('SIGTERM', stopEarly);
  onStopSignal(() => stack.stop());
  if (env['npm_lifecycle_event'] !== undefined) stopWithParent();
  print(readyText(stack));
}
