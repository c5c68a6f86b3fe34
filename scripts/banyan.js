#!/usr/bin/env node
// Plain JavaScript on purpose: the system's Node may be too old for what it loads. Then it hands over to the Node that the project's lock file brings.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
// A checkout runs from its sources; the package brings them compiled, because Node strips no types below node_modules.
const compiled = join(here, '../dist/scripts/banyan.js');
const sources = join(here, 'banyan.ts');
const script = existsSync(sources) ? sources : compiled;

/** The nearest of the folders `node_modules`, from `from` upwards, that brings a Node. */
function findNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const own = join(folder, 'node_modules/.bin/node');
    if (existsSync(own)) return own;
    if (dirname(folder) === folder) return undefined;
  }
}

/** From 22.18 on Node runs TypeScript as it is, which a project's functions and configuration are. */
function isRecent() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

if (isRecent()) {
  await import(pathToFileURL(script).href);
} else {
  const own = findNode(process.cwd()) ?? findNode(dirname(here)) ?? process.execPath;
  const child = spawn(own, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
