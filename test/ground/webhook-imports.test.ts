import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Loads the module in a process of its own and says which packages and which files of ours came with it. */
async function loadedWith(file: string): Promise<{ packages: string[]; own: string[] }> {
  const script = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL(`../../${file}`, import.meta.url).href)});
    console.log(JSON.stringify(urls));`;
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: root });
  const urls = JSON.parse(stdout) as string[];
  const packages = urls.map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]).filter((name) => name !== undefined);
  const own = urls.map((url) => /\/((?:src|api)\/(?!.*node_modules).+)$/.exec(url)?.[1]).filter((name) => name !== undefined);
  return { packages: [...new Set(packages)], own };
}

describe('the webhook function', () => {
  it('loads no package before its first request, and little of ours', async () => {
    const { packages, own } = await loadedWith('api/webhook.ts');
    expect(packages).toEqual([]);
    expect(own).toContain('src/engine/intake.ts');
    expect(own.length).toBeLessThan(20);
  });

  it('is told apart from one that does', async () => {
    expect((await loadedWith('api/worker.ts')).packages).toContain('@vercel/functions');
  });
});
