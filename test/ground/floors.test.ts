import { describe, expect, it } from 'vitest';
import { findViolations } from '../../scripts/checks/floors.ts';

function reasons(path: string, text: string): string[] {
  return findViolations([{ path, text }]).map((violation) => `${violation.to}: ${violation.reason}`);
}

describe('the check of the floors', () => {
  it('lets a file import from lower floors and from its own room', () => {
    expect(
      reasons('src/engine/worker.ts', `import { a } from '../kernel/a.ts';\nimport type { B } from './b.ts';\nimport { readFileSync } from 'node:fs';`),
    ).toEqual([]);
  });

  it('refuses an import from above, types included', () => {
    expect(reasons('src/domain/run.ts', `import type { Store } from '../store/contract.ts';`)).toEqual(['src/store/contract.ts: "store" lies above "domain"']);
  });

  it('refuses a room of the same floor, a re-export and a dynamic import too', () => {
    expect(reasons('src/store/x.ts', `export { y } from '../github/y.ts';`)).toEqual(['src/github/y.ts: "store" and "github" are rooms of one floor']);
    expect(reasons('src/rest/x.ts', `const y = await import('../mcp/y.ts');`)).toEqual(['src/mcp/y.ts: "rest" and "mcp" are rooms of one floor']);
  });

  it('knows the finer order: tools may use context, not the other way round', () => {
    expect(reasons('src/tools/x.ts', `import { y } from '../context/y.ts';`)).toEqual([]);
    expect(reasons('src/context/x.ts', `import { y } from '../tools/y.ts';`)).toEqual(['src/tools/y.ts: "tools" lies above "context"']);
  });

  it('refuses a room that has no floor', () => {
    expect(reasons('src/attic/x.ts', `import { y } from '../kernel/y.ts';`)).toEqual(['src/kernel/y.ts: the room "attic" has no floor']);
  });

  it('leaves tests alone', () => {
    expect(reasons('src/kernel/x.test.ts', `import { y } from '../app.ts';`)).toEqual([]);
  });
});
