/** Reads what `npm pack --dry-run --json` says and refuses a package with tests or state in it, or without a part that it needs. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packSchema = z.tuple([z.object({ size: z.number(), unpackedSize: z.number(), files: z.array(z.object({ path: z.string() })) })]);

const NEEDED = ['LICENSE', 'package.json', 'scripts/banyan.js', 'dist/scripts/banyan.js', 'dist/api/webhook.js', 'dist/src/index.js', 'dist/src/index.d.ts'];
const UNWANTED = /(\.test\.ts$|^test\/|^\.|(^|\/)\.env|\.log$|^node_modules\/|\.pem$)/;

function main(): void {
  const [pack] = packSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
  const paths = pack.files.map((file) => file.path);
  const unwanted = paths.filter((path) => UNWANTED.test(path));
  const missing = [
    ...NEEDED.filter((path) => !paths.includes(path)),
    ...(paths.some((path) => path.startsWith('supabase/migrations/')) ? [] : ['supabase/migrations']),
  ];
  console.log(`package: ${paths.length} files, ${(pack.size / 1024).toFixed(0)} kB packed, ${(pack.unpackedSize / 1024).toFixed(0)} kB unpacked`);
  for (const path of unwanted) console.error(`unwanted: ${path}`);
  for (const path of missing) console.error(`missing: ${path}`);
  if (unwanted.length + missing.length > 0) process.exitCode = 1;
}

main();
