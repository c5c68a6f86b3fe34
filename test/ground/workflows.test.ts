import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageFile, packageRoot } from '../../src/kernel/package-root.ts';
import { VERSION } from '../../src/kernel/version.generated.ts';

const permissionsSchema = z.record(z.string(), z.enum(['read', 'write', 'none']));
const stepSchema = z.looseObject({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const workflowSchema = z.looseObject({
  permissions: permissionsSchema,
  jobs: z.record(z.string(), z.looseObject({ 'timeout-minutes': z.number(), permissions: permissionsSchema.optional(), steps: z.array(stepSchema).min(1) })),
});

const FILES = ['.github/workflows', 'templates/github-workflows'].flatMap((folder) =>
  readdirSync(packageFile(folder))
    .filter((name) => name.endsWith('.yml') && name !== 'manifest.yml')
    .map((name) => `${folder}/${name}`),
);
const workflow = (path: string) => workflowSchema.parse(parse(readFileSync(packageFile(path), 'utf8')));

describe.each(FILES)('%s', (path) => {
  it('says what its token may do, and how long it may run', () => {
    expect(workflow(path).permissions).toMatchObject({ contents: expect.any(String) });
  });

  it('puts no value of an event into a shell line, and leaves no token in a checkout', () => {
    const steps = Object.values(workflow(path).jobs).flatMap((job) => job.steps);
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
    for (const step of steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))) expect(step.with).toMatchObject({ 'persist-credentials': false });
  });
});

describe('the release', () => {
  const { permissions, jobs } = workflow('.github/workflows/release.yml');
  const line = (name: string) =>
    Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .find((step) => step.name === name)?.run ?? '';
  let bin = '';
  beforeEach(() => (bin = mkdtempSync(join(tmpdir(), 'release-workflow-'))));
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** A line of the workflow as the runner's shell takes it, with a `gh` that says what it was asked for. */
  function shell(script: string, tag: string): string {
    writeFileSync(join(bin, 'gh'), '#!/bin/sh\necho "$@"\n');
    chmodSync(join(bin, 'gh'), 0o755);
    const PATH = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
    const env = { PATH, GITHUB_REF_NAME: tag, GITHUB_REPOSITORY: 'acme/banyan' };
    return execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd: packageRoot(), env, encoding: 'utf8', stdio: 'pipe' }).trim();
  }

  it('writes in a job that runs no code of the repository', () => {
    expect(permissions).toEqual({ contents: 'read' });
    expect(Object.entries(jobs).flatMap(([name, job]) => (job.permissions ? [[name, job.permissions]] : []))).toEqual([['release', { contents: 'write' }]]);
    expect(jobs['release']?.steps.map(({ uses, name }) => uses ?? name)).toEqual(['actions/download-artifact@v4', 'Release']);
  });

  it('is made where the tag is the version, and nowhere else', () => {
    expect(shell(line('The tag names the version'), `v${VERSION}`)).toBe('');
    for (const tag of ['v99.0.0', VERSION, `v${VERSION}-beta.1`]) expect(() => shell(line('The tag names the version'), tag)).toThrow(/Command failed/);
  });

  it('has the package under the name that children look for', () => {
    const always = '--repo acme/banyan --verify-tag --generate-notes';
    expect(shell(line('Release'), 'v1.2.3')).toBe(`release create v1.2.3 banyan-1.2.3.tgz ${always}`);
    expect(shell(line('Release'), 'v1.2.3-beta.1')).toBe(`release create v1.2.3-beta.1 banyan-1.2.3-beta.1.tgz ${always} --prerelease`);
  });
});
