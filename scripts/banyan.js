#!/usr/bin/env node
// Plain JavaScript on purpose: the system's Node may be too old for TypeScript. It hands over to the Node that the project brings.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
const script = fileURLToPath(new URL('./banyan.ts', import.meta.url));
const child = spawn(existsSync(own) ? own : process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
