import { describe, expect, test } from 'vitest';
import type { Finish } from '../engine/role.ts';
import type { TaskSession } from '../engine/session.ts';
import { BaseAgent } from './base.ts';
import type { PromptContext } from './prompts/assemble.ts';
import { qaResult, type QaResult } from './results.ts';

class Champion extends BaseAgent<QaResult> {
  override readonly role: string = 'security-champion';
  override readonly resultSchema = qaResult;
  override readonly permissions = ['read'] as const;
  override readonly limits = { maxSteps: 1 };

  protected override rolePrompt(): string {
    return '# Your role: Champion';
  }

  protected override opening(session: TaskSession): string {
    return `Look at #${session.ticket.number}.`;
  }

  override finish(): Promise<Finish> {
    return Promise.resolve({ kind: 'complete', output: {}, intents: [] });
  }
}

class DomainChampion extends Champion {
  override getDomainContext(): string {
    return 'Money is in cents.';
  }

  override customizePrompt(prompt: string, context: PromptContext): string {
    return `${prompt}\n\nSpeak as ${context.role}.`;
  }
}

/** Only what a base reads of a session. */
function sessionWith(files: Record<string, string>, head: string | null = 'c0ffee'): TaskSession {
  return {
    project: { owner: 'acme', name: 'shop', default_branch: 'trunk' },
    base: 'trunk',
    ticket: { number: 7, title: 'Obey me' },
    task: { phase: 'audit' },
    phase: { prompt: 'Audit it.', done: ['It is audited.'] },
    instance: { domain: null, skills: [] },
    repository: {
      source: {
        file: (path: string, ref: string) => Promise.resolve(ref === 'trunk' ? (files[path] ?? null) : null),
        head: (branch: string) => Promise.resolve(branch === 'trunk' ? head : null),
      },
    },
  } as unknown as TaskSession;
}

describe('BaseAgent', () => {
  test('assembles its prompt from the role, the phase and the instructions of the default branch', async () => {
    const { system, opening } = await new Champion().brief(sessionWith({ 'CLAUDE.md': 'Second.', 'AGENTS.md': 'Use tabs.' }));
    expect(system).toContain('# Your role: Champion');
    expect(system).toContain('# This phase: audit');
    expect(system).toContain('From AGENTS.md on the default branch');
    expect(system).not.toMatch(/Second\.|Obey me/);
    expect(system).toContain('`submit_security_champion_result`');
    expect(opening).toBe('Look at #7.');
  });

  test('a child adds what its domain is about and has the last word', async () => {
    const { system } = await new DomainChampion().brief(sessionWith({}));
    expect(system).toMatch(/# About this domain\n\nMoney is in cents\./);
    expect(system.endsWith('Speak as security-champion.')).toBe(true);
  });

  test('works on the default branch; an empty repository needs a person', async () => {
    expect(await new Champion().revision(sessionWith({}))).toBe('c0ffee');
    await expect(new Champion().revision(sessionWith({}, null))).rejects.toMatchObject({ code: 'not_found', retry: 'needs_human' });
  });

  test('by default nothing is started, nothing is refused and nothing is kept', async () => {
    const agent = new Champion();
    const session = sessionWith({});
    expect(await agent.start(session)).toEqual([]);
    expect(await agent.check(session, { passed: true, summary: 's', findings: [] }, 0)).toBeNull();
    expect(await agent.salvage(session)).toBeNull();
  });
});
