/** Runs every `scripts/generate-*.ts`; with `--check` nothing is written and what is stale is named. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('./', import.meta.url);

function main(): void {
  const generators = readdirSync(folder).filter((file) => /^generate-.+\.ts$/.test(file) && !file.endsWith('.test.ts'));
  const failed = generators.toSorted().filter((file) => {
    const result = spawnSync(process.execPath, [fileURLToPath(new URL(file, folder)), ...process.argv.slice(2)], { stdio: 'inherit' });
    return result.status !== 0;
  });
  console.log(`generators: ${generators.length} run, ${failed.length} failed${failed.length > 0 ? ` (${failed.join(', ')})` : ''}`);
  if (failed.length > 0) process.exitCode = 1;
}

main();
