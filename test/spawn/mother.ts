import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAnswers } from '../../src/spawn/answers.ts';
import { BOOK_PATH, createBook, writeBook } from '../../src/spawn/book.ts';
import { renderTemplate } from '../../src/spawn/render.ts';
import { readTemplate } from '../../src/spawn/template.ts';

const COMMAND = fileURLToPath(new URL('../../scripts/banyan.js', import.meta.url));

/** What a version of the mother has in its template: text by path of the child. */
export interface Mother {
  version: string;
  files: Record<string, string>;
  /** By glob, in order; whatever is left is `merged`. */
  classes?: Record<string, string>;
  renames?: { from: string; to: string; version: string }[];
  codemods?: Record<string, string>;
  changelog?: string;
}

export function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const DOMAIN = `format: 1
title: Custom
description: Whatever it is.
agents: { developer: { class: OwnDeveloper } }
defaults: { agents: [developer], description: Something. }
`;

/** Writes a version of the mother as a folder that can be packed. */
export function makeMother(root: string, { version, files, classes = {}, renames = [], codemods = {}, changelog = '# Changelog\n' }: Mother): string {
  rmSync(root, { recursive: true, force: true });
  const rules = [...Object.entries(classes), ['**', 'merged']].map(([glob, kind]) => ({ glob, class: kind }));
  const pkg = { name: 'banyan', version, type: 'module', engines: { node: '>=22' }, bin: { banyan: 'bin.js' } };
  write(root, {
    'package.json': `${JSON.stringify(pkg, null, 2)}\n`,
    'bin.js': '#!/usr/bin/env node\n',
    'CHANGELOG.md': changelog,
    'child-template/manifest.yml': JSON.stringify({ format: 1, name: 'banyan', classes: rules, renames }),
    'templates/domains/custom/manifest.yml': DOMAIN,
    'templates/domains/custom/files/src/agents/developer.ts': 'export class OwnDeveloper {}\n',
    ...Object.fromEntries(
      Object.entries(files).map(([path, text]) => [`child-template/files/${path.replace(/^\./, 'dot_').replace(/^package\.json$/, 'package.json.txt')}`, text]),
    ),
    ...Object.fromEntries(Object.entries(codemods).map(([name, text]) => [`codemods/${name}`, text])),
  });
  return root;
}

/** npm's own environment would make an npm below take this project for its own. */
export const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$|^GIT_/.test(name)));

export function git(root: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid'];
  return execFileSync('git', [...identity, ...args], { cwd: root, encoding: 'utf8', env: ENV });
}

/** A remote at the local GitHub, to which is pushed as its maintainer. */
export function addOrigin(root: string, server: string, fullName: string): void {
  const url = new URL(`/${fullName}.git`, server);
  url.username = 'maintainer';
  url.password = 'maintainer-token';
  git(root, 'remote', 'add', 'origin', url.href);
}

export function commitAll(root: string, message = 'edit'): void {
  git(root, 'add', '-A');
  git(root, 'commit', '-qm', message, '--allow-empty');
}

const ANSWERS = parseAnswers({ name: 'my-shop', domain: 'custom', agents: ['developer'], owner: 'acme' }, 'answers');

/** What a spawn from this version writes, by path. */
export function freshRender(mother: string, version: string): Map<string, string> {
  const files = renderTemplate(readTemplate(mother), ANSWERS, { banyan: `file:vendor/banyan-${version}.tgz` });
  return new Map(files.map(({ path, content }) => [path, content]));
}

/** Puts the tarball of a version into a folder. */
export function packMother(mother: string, to: string): void {
  mkdirSync(to, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--pack-destination', to], { cwd: mother, env: ENV });
}

/** Makes a child of a version, with its package in `vendor/`, and commits it. */
export function makeChild(root: string, mother: string, { repository = true } = {}): string {
  const template = readTemplate(mother);
  const banyan = `file:vendor/banyan-${template.version}.tgz`;
  const files = renderTemplate(template, ANSWERS, { banyan });
  packMother(mother, join(root, 'vendor'));
  write(root, Object.fromEntries(files.map(({ path, content }) => [path, content])));
  for (const { path, mode } of files) chmodSync(join(root, path), mode);
  write(root, { [BOOK_PATH]: writeBook(createBook({ template, commit: null, banyan, answers: ANSWERS, files })) });
  if (repository) {
    git(root, 'init', '-q', '-b', 'main');
    commitAll(root, 'spawn');
  }
  return root;
}

/** All files of a folder but git's and npm's own, with their bytes and modes: to compare before and after. */
export function snapshot(root: string, below = ''): Record<string, string> {
  if (!existsSync(join(root, below))) return {};
  return Object.assign(
    {},
    ...readdirSync(join(root, below), { withFileTypes: true }).map((entry): Record<string, string> => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.name === '.git' || entry.name === 'node_modules') return {};
      if (entry.isDirectory()) return snapshot(root, path);
      const full = join(root, path);
      if (entry.isSymbolicLink()) return { [path]: `link ${readlinkSync(full)}` };
      return { [path]: `${(statSync(full).mode & 0o777).toString(8)} ${readFileSync(full).toString('base64')}` };
    }),
  ) as Record<string, string>;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
  /** Whose process it is. */
  uid?: number;
  /** Sees what is printed, while it runs. */
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the command of this checkout in a child, without a terminal. */
export function banyan(args: readonly string[], { cwd, env = {}, uid, onOutput }: RunOptions): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd,
      env: { ...ENV, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid }),
    });
    let [stdout, stderr] = ['', ''];
    // Once: a second signal would meet a command that has undone its work already, and ends.
    const kill = (signal: NodeJS.Signals) => void (child.killed || child.kill(signal));
    const show = () => onOutput?.(stdout + stderr, kill);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      show();
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
      show();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
