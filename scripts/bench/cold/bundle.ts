import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** What `pg` asks for where it is there: a binding, and another platform's sockets. */
const NOT_THERE = ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'];

/** One minified file of a server and all that it loads. @returns its path */
export async function bundleServer(entry: string, name: string): Promise<string> {
  const bundle = await rolldown({ input: entry, platform: 'node', external: NOT_THERE, logLevel: 'silent' });
  const dir = join(entry, '..', `bundled-${name}`);
  await bundle.write({ dir, format: 'esm', minify: true, entryFileNames: 'server.js' });
  await bundle.close();
  return join(dir, 'server.js');
}
