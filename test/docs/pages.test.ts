import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { markedExample, readPage, readPages, ROOT } from './pages.ts';
import type { Page } from './pages.ts';

const run = promisify(execFile);
const pages = readPages();

/** What is wrong with a link, or null. Addresses elsewhere are not asked. */
function faultOf(page: Page, link: string): string | null {
  if (/^[a-z]+:/i.test(link)) return null;
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? page.path : posix.join(posix.dirname(page.path), file);
  if (!existsSync(posix.join(ROOT, path))) return `${page.path}: ${link} leads to no file`;
  if (anchor === undefined) return null;
  return readPage(path).anchors.has(anchor) ? null : `${page.path}: ${link} leads to no heading`;
}

/** Files of the project that are named in code spans; patterns and placeholders are none. */
function namedFiles(page: Page): string[] {
  return page.code.flatMap((code) => (/^(?:src|api|docs|test|scripts|supabase|templates|\.github|\.ci)\/[\w./-]+$/.test(code) ? [code] : []));
}

describe('the pages', () => {
  it('are all there', () => {
    expect(pages.map((page) => page.path)).toEqual(
      expect.arrayContaining(['README.md', 'AGENTS.md', 'CHANGELOG.md', 'SECURITY.md', 'docs/architecture.md', 'docs/configuration.md', 'docs/deploy.md']),
    );
  });

  it('lead nowhere that does not exist', () => {
    const faults = pages.flatMap((page) => page.links.map((link) => faultOf(page, link))).filter((fault) => fault !== null);
    expect(faults).toEqual([]);
    expect(pages.flatMap((page) => page.links).length).toBeGreaterThan(20);
  });

  it('can all be reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached) {
      for (const link of readPage(path).links) {
        const target = posix.join(posix.dirname(path), link.split('#')[0] ?? '');
        if (!/^[a-z]+:/i.test(link) && target.endsWith('.md')) reached.add(target);
      }
    }
    expect(pages.map((page) => page.path).filter((path) => !reached.has(path))).toEqual([]);
  });

  it('name files that exist', () => {
    // Of the repositories that Banyan works for, and of children.
    const optional = new Set(['supabase/.temp/project-ref', '.github/banyan.yml', '.github/workflows/banyan-update.yml']);
    const missing = pages.flatMap((page) => namedFiles(page).filter((file) => !optional.has(file) && !existsSync(posix.join(ROOT, file))));
    expect(missing).toEqual([]);
    expect(pages.flatMap(namedFiles).length).toBeGreaterThan(20);
  });

  it('name scripts of npm that exist', () => {
    const { scripts } = JSON.parse(readFileSync(posix.join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    // The example of a configuration names scripts of the repository that it is for.
    const example = markedExample(readPage('docs/configuration.md'), 'banyan.yml');
    const ours = pages.flatMap((page) => page.code).filter((code) => code !== example);
    const named = ours.flatMap((code) => [...code.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w:-]+)/g)].map((match) => match[1] ?? ''));
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
    expect(named).toEqual(expect.arrayContaining(['start', 'test', 'serve', 'generate']));
  });

  it('name commands of banyan that exist', async () => {
    const { stdout } = await run(process.execPath, [posix.join(ROOT, 'scripts/banyan.js'), '--help']);
    const named = pages.flatMap((page) => page.code).flatMap((code) => [...code.matchAll(/\bnpx banyan ([\w-]+)/g)].map((match) => match[1] ?? ''));
    expect([...new Set(named)].filter((name) => !new RegExp(`^ +${name}\\b`, 'm').test(stdout))).toEqual([]);
    expect(named).toContain('demo');
  });

  it('have no emoji', () => {
    expect(pages.filter((page) => /\p{Extended_Pictographic}/u.test(page.text)).map((page) => page.path)).toEqual([]);
  });
});
