import { decideGuardian } from '../domain/guardian.ts';
import type { Opinion } from '../domain/guardian.ts';
import type { JsonObject } from '../domain/model.ts';
import { findings } from '../domain/astray.ts';
import type { TrajectoryFinding } from '../domain/astray.ts';
import { beginAgain, beginAnew, follow, NEW_COURSE } from '../domain/trajectory.ts';
import type { Course } from '../domain/trajectory.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { GuardianFacts } from '../store/guardian-contract.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { AGENT_TOOLS } from '../tools/index.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';
import { askedOf, OPINION_TIMEOUT_MS, opinionOf } from './opinion.ts';

/*
 * Reads every conversation at work along, each step once: by rules, and by a model where a rule cannot tell and one is configured. What it
 * finds leads to a word into the conversation, at the next step, or to a pause for a person.
 */

interface Conversation {
  task_id: string | null;
}

/** What is kept of a conversation. */
interface Memory extends Course {
  /** The doubts about which a model was asked. */
  asked: string[];
  /** Those of them that were none, by its word. */
  cleared: string[];
}

/** Of one conversation; of one run of the job, since each may take a minute. */
const OPINIONS = 3;
const OPINIONS_AT_ONCE = 4;
const LEASE_SECONDS = 180;
/** Looks in a row that failed after which what is remembered is no longer trusted: it may be why. */
const TRUSTED_FAILURES = 2;

const WRITING: ReadonlySet<string> = new Set(AGENT_TOOLS.filter(({ permission }) => permission === 'write').map(({ name }) => name));

function remembered(memory: JsonObject): Memory {
  return { ...NEW_COURSE, asked: [], cleared: [], ...(memory as unknown as Partial<Memory>) };
}

function kept(memory: Memory): JsonObject {
  return memory as unknown as JsonObject;
}

interface Judged {
  finding: TrajectoryFinding | null;
  opinion: Opinion | null;
  doubts: Pick<Memory, 'asked' | 'cleared'>;
}

/** One run of the job. */
class Round {
  readonly #parts: WatchParts;
  readonly #until: number;
  #opinions = OPINIONS_AT_ONCE;

  constructor(parts: WatchParts, until: number) {
    this.#parts = parts;
    this.#until = until;
  }

  async look({ data, finding: before, memory: stored, failures }: WatchItem<Conversation>): Promise<Look> {
    if (data.task_id === null) return { finding: null };
    if (failures >= TRUSTED_FAILURES) return this.#beginAnew(data.task_id);
    const memory = remembered(stored);
    const facts = await this.#parts.store.guardianFacts(data.task_id, memory.read);
    if (!facts) return { finding: before, memory: stored };
    const read = follow(memory, facts.steps, { writing: WRITING, changed: new Set(facts.changed) });
    // One trouble is met once: what a diagnosis has begun anew gets no word about what it did before.
    const course = facts.recovered ? beginAgain(read) : read;
    const { finding, opinion, doubts } = await this.#judge(facts, course, memory);
    if (!finding) return { finding: null, memory: kept({ ...memory, ...course, ...doubts }) };
    const { task, ticket } = facts;
    const guarded = { at: { projectId: ticket.project_id, number: ticket.number }, taskId: task.id, role: task.role };
    const { deed, intents } = decideGuardian(guarded, finding, facts.deeds, opinion);
    return {
      finding: finding.name,
      memory: kept({ ...beginAnew(course), ...doubts }),
      act: { ticketId: ticket.id, expectVersion: ticket.version, intents },
      did: [deed],
    };
  }

  /** From where the conversation stands: what was judged before is not judged again without what was known of it. */
  async #beginAnew(taskId: string): Promise<Look> {
    const facts = await this.#parts.store.guardianFacts(taskId, 0);
    const course = facts ? follow(NEW_COURSE, facts.steps, { writing: WRITING, changed: new Set(facts.changed) }) : NEW_COURSE;
    return { finding: null, memory: kept({ ...beginAnew(course), asked: [], cleared: [] }) };
  }

  async #judge(facts: GuardianFacts, course: Course, { asked, cleared }: Memory): Promise<Judged> {
    const found = findings(course, {
      writes: this.#parts.roles.get(facts.task.role)?.permissions.includes('write') ?? false,
      budgetUsd: facts.run.budget_usd,
      ask: askedOf(facts),
      files: facts.files,
      told: facts.deeds.steered.length > 0,
      cleared,
    });
    const sure = found.find((finding) => finding.sure);
    const doubts = { asked, cleared };
    if (sure) return { finding: sure, opinion: null, doubts };
    const doubt = found.find(({ name }) => !asked.includes(name));
    const inTime = Date.now() + OPINION_TIMEOUT_MS < this.#until;
    const affords = inTime && asked.length < OPINIONS && this.#opinions > 0 && facts.run.spent_usd < facts.run.budget_usd;
    if (!doubt || !affords) return { finding: null, opinion: null, doubts };
    this.#opinions -= 1;
    const verdict = await this.#ask(facts, doubt);
    const off = verdict !== null && !verdict.on_course;
    const answered = { asked: [...asked, doubt.name], cleared: verdict?.on_course ? [...cleared, doubt.name] : cleared };
    return { finding: off ? doubt : null, opinion: off ? verdict : null, doubts: answered };
  }

  /** An opinion is nothing that work depends on: where it cannot be had, the rules alone go on. */
  async #ask(facts: GuardianFacts, doubt: TrajectoryFinding) {
    try {
      return await opinionOf(this.#parts, facts, doubt);
    } catch (thrown) {
      const error = toBanyanError(thrown);
      this.#parts.log.warn({ job: 'guardian', task: facts.task.id, code: error.code }, `there was no opinion to be had: ${error.message}`);
      return null;
    }
  }
}

export const guardianJob: WatchJob = {
  name: 'guardian',
  run(parts, until) {
    const round = new Round(parts, until);
    return lookingJob<Conversation>({ name: 'guardian', look: (item) => round.look(item), leaseSeconds: LEASE_SECONDS }).run(parts, until);
  },
};
