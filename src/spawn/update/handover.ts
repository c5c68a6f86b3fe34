import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import semver from 'semver';
import { BanyanError } from '../../kernel/errors.ts';
import { VERSION } from '../../kernel/version.generated.ts';
import { cancelled, runCommand, tailOf } from '../command.ts';
import { readTemplate } from '../template.ts';
import { ownCommand, same, type Located, type Place } from './target.ts';

const SCRIPT = 'scripts/banyan.js';
/** Set for the code that an update was handed to: it never hands it on. */
const MARK = 'BANYAN_UPDATE_HANDED_OVER';

function bringsCode({ folder, source }: Located): boolean {
  if (source.kind === 'folder') return existsSync(join(folder, SCRIPT));
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin?: { banyan?: unknown } };
  return bin?.banyan === SCRIPT || bin?.banyan === `./${SCRIPT}`;
}

function differs(located: Located, running: string): boolean {
  try {
    return !isDeepStrictEqual(readTemplate(located.folder), readTemplate(running));
  } catch {
    return true;
  }
}

/** Only a version knows its own questions and what to do with the answers. An older template is known to newer code. */
function needsItsOwnCode(located: Located, { running, commands }: Place): boolean {
  if (commands.env[MARK] !== undefined || same(located.folder, running) || !bringsCode(located)) return false;
  const order = semver.compare(located.version, VERSION);
  return order > 0 || (order === 0 && differs(located, running));
}

/** Installed for this update alone: npm keeps what `npm exec` takes from a path, and would run it again when the file is another one. */
async function scriptOf(located: Located, { root, scratch, commands }: Place): Promise<string> {
  const { folder, source, version } = located;
  if (source.kind !== 'tarball') return join(folder, SCRIPT);
  const to = await mkdtemp(join(scratch, 'code-'));
  // It may say where a package comes from.
  if (existsSync(join(root, '.npmrc'))) copyFileSync(join(root, '.npmrc'), join(to, '.npmrc'));
  const quietly = ['--ignore-scripts', '--omit=optional', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const { code, output } = await runCommand('npm', ['install', '--prefix', to, ...quietly, source.path], { ...commands, cwd: to });
  if (code === 0) return join(to, 'node_modules/banyan', SCRIPT);
  throw new BanyanError('internal', `banyan v${version}, which has to do its update itself, cannot be installed:\n${tailOf(output, 10)}`, {
    fix: `Mend what npm says and update again${located.releasedBy === undefined ? `, or: ${ownCommand(located)}` : '.'}`,
  });
}

function run(script: string, args: readonly string[], { root, commands: { env, signal } }: Place): Promise<number> {
  if (signal?.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, env: { ...env, [MARK]: VERSION }, stdio: 'inherit' });
    // It undoes what it has done, and ends then.
    const stop = () => child.kill('SIGINT');
    signal?.addEventListener('abort', stop, { once: true });
    child.on('error', reject);
    child.on('close', (code) => {
      signal?.removeEventListener('abort', stop);
      resolve(code ?? 130);
    });
  });
}

export interface Handover {
  /** The same command for another code: `to` names the target. */
  args(to: string): readonly string[];
  progress(step: string): void;
}

/**
 * Lets a version that is newer than this code do its update itself.
 * @returns its exit code; null where this code does it
 * @throws BanyanError `internal` where that version cannot be installed
 */
export async function handOver(located: Located, place: Place, handover: Handover): Promise<number | null> {
  if (!needsItsOwnCode(located, place)) return null;
  handover.progress(`banyan v${located.version} updates to itself`);
  const script = await scriptOf(located, place);
  const { source, published, version } = located;
  return run(script, handover.args(published || source.kind === 'spec' ? version : source.path), place);
}
