import { runCommand } from '../command.ts';
import { repositoryOf } from '../hub.ts';
import { commandsIn, type Child } from './step.ts';

/** The child's repository: its remote, else what the book says. */
export async function repositoryOfChild(child: Child): Promise<string | null> {
  const origin = await runCommand('git', ['remote', 'get-url', 'origin'], commandsIn(child)).catch(() => ({ code: 127, output: '' }));
  const { owner, name } = child.answers;
  return (origin.code === 0 ? repositoryOf(origin.output) : null) ?? (owner === '' ? null : `${owner}/${name}`);
}

/** What a mark at a service may call this child, the best one first: an early run may not have known the account. */
export async function namesOf(child: Child): Promise<[string, ...string[]]> {
  const { owner, name } = child.answers;
  const repository = await repositoryOfChild(child);
  return repository === null ? [name] : [repository, ...(owner === '' ? [] : [`${owner}/${name}`]), name];
}

/** The child that a mark names; null for what no run has written. */
export function childIn(mark: string | undefined): string | null {
  return mark !== undefined && /^[\w.-]{1,100}(?:\/[\w.-]{1,100})?$/.test(mark) ? mark : null;
}

export function isNamed(mark: string, names: readonly string[]): boolean {
  return names.some((name) => name.toLowerCase() === mark.toLowerCase());
}
