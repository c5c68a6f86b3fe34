import type { CodeGeneration, Directive, JsonObject, Priority, RecoveryAction, RunState, TicketState } from './model.ts';

/**
 * A decision is a list of intents: plain data that can be printed, tested and stored. The database applies a list
 * in one transaction (`apply_intents`, `complete_task`, `suspend_task`, `fail_task`), in order, all or none.
 * All of a list concern one ticket, which the call names.
 */
export type Intent =
  /** Creates the ticket of an issue, or brings title, body and author up to date where it exists. */
  | {
      type: 'open_ticket';
      number: number;
      title: string;
      body: string;
      author: string;
      url: string;
      kind: 'feature' | 'bug';
      state: TicketState;
      /** Absent: it stays; a new ticket's is the default branch. */
      base_branch?: string;
    }
  /** Absent fields stay; null clears. `waiting_since` is set by the database when `waiting_for` changes. */
  | {
      type: 'set_ticket';
      state?: TicketState;
      priority?: Priority;
      refined_description?: string;
      acceptance_criteria?: string[];
      waiting_for?: string | null;
      waiting_on?: string | null;
      note?: string | null;
    }
  /** Starts a run and makes it the ticket's. An unfinished earlier run is stopped (`stopped_user`), its open tasks cancelled. */
  | { type: 'start_run'; workflow: string; config_snapshot: JsonObject; budget_usd: number; warn_at_usd: number }
  /**
   * States the run's end (or pause); terminal states set `finished_at`. With a budget: what it may cost from now on; a run that its budget
   * had stopped goes on with its tasks when it is set `running`.
   */
  | ({ type: 'set_run'; state: RunState; stop_reason?: string | null; report?: JsonObject } & ({ budget_usd: number; warn_at_usd: number } | object))
  /** Adds a task to the ticket's run; the same `key` again is a no-op. `after` names keys of tasks it depends on. */
  | {
      type: 'add_task';
      key: string;
      role: string;
      phase: string;
      title: string;
      input: JsonObject;
      max_attempts: number;
      timeout_seconds: number;
      parent_task_id?: string;
      after?: string[];
      delay_seconds?: number;
    }
  /**
   * Makes a task that was not begun yet come after others of the run too. Refused (`conflict`, `data.path`) where they would come after each
   * other in a circle.
   */
  | { type: 'add_dependencies'; key: string; after: string[] }
  /** Cancels every open task of the ticket's run. A running one learns it at its next step. */
  | { type: 'cancel_tasks'; reason: string }
  /**
   * A person's words for the open conversation of the ticket (the waiting task, else the newest running or pending one).
   * A waiting task becomes pending, due after `debounce_seconds` counted anew with each input. `source` is unique: the same comment twice is one input.
   * `woken` is applied where that wakes a task that waited, and not where the same words come again.
   * No open task: the input is dropped and an event says so.
   */
  | { type: 'add_input'; source: string; author: string; body: string; debounce_seconds: number; woken?: Intent[] }
  /**
   * A comment that became an input reads otherwise now. Not taken yet: the new text counts. Taken, and `heard`: it comes as another input, once for
   * each `revision`, and `woken` is applied where that wakes a task that waited.
   */
  | {
      type: 'edit_input';
      source: string;
      revision: string;
      author: string;
      body: string;
      debounce_seconds: number;
      heard: boolean;
      woken: Intent[];
    }
  /** A comment is gone. What nobody took counts no longer; where it was all that woke a task, the task waits again and `unheard` is applied. */
  | { type: 'drop_input'; source: string; waiting_for: string; waiting_on: string; unheard: Intent[] }
  /** Writes numbered questions to the ledger (numbers go on over the whole ticket). */
  | { type: 'ask'; task_id: string; round: number; questions: { body: string; assumption: string | null }[] }
  /** Closes every open question of the ticket. */
  | { type: 'close_questions'; state: 'answered' | 'assumed' | 'withdrawn'; answered_by?: string; answer?: string }
  /**
   * Wants something done on GitHub. Same `key` again: a no-op; with `rearm`, it is to be performed once more with what is then true
   * (the generation rises). Effects of one `lane` are performed one at a time, oldest first.
   */
  | { type: 'effect'; key: string; kind: string; lane: string; payload: JsonObject; rearm?: boolean }
  /** Creates or updates the ticket's one pull request record. Absent fields stay. */
  | ({ type: 'set_code' } & Partial<Omit<CodeGeneration, 'id' | 'ticket_id'>>)
  | { type: 'validation'; task_id: string; kind: string; passed: boolean; summary: string; data: JsonObject }
  | { type: 'artifact'; task_id: string | null; kind: string; name: string; content: JsonObject }
  /** `key` makes a discovery unique (a tool call's id). */
  | { type: 'discovery'; key: string; task_id: string; kind: string; title: string; description: string }
  | { type: 'task_comment'; task_id: string; kind: string; body: string; data: JsonObject }
  /** Takes a task from whoever holds it and has it begun anew. Refused (`conflict`) where it ended, or stored steps after `last_seq`. */
  | { type: 'recover_task'; task_id: string; last_seq: number | null; directive: Directive | null }
  /** Another model for a role, for the rest of the run. */
  | { type: 'set_model'; role: string; model: string }
  /**
   * Opens a diagnosis of the ticket's run, if `run_id` still is that; an anomaly once in a run. With `action`, it says what was done, of the one
   * that is named by `diagnosis_id` or of a new one. After the tasks that it names.
   */
  | {
      type: 'diagnosis';
      kind: 'anomaly' | 'stall';
      run_id: string;
      task_id: string | null;
      cause: string;
      score: number | null;
      /** Items with an id each, to which a hypothesis refers. */
      evidence: JsonObject[];
      diagnosis_id?: string | null;
      /** An anomaly of which nothing is done but to say it; once in a run, and another may be found in it. */
      told_only?: boolean;
      signature?: string;
      blockers?: JsonObject[];
      hypothesis?: string;
      action?: RecoveryAction;
      /** Of the task that is to bring the run on. */
      recovery_key?: string | null;
      /** The model that was asked, for how much, and what it answered; null where none was. */
      model?: string | null;
      cost_usd?: number;
      proposal?: JsonObject | null;
    }
  /** Gives a task back that `worker` let its lease of run out, and counts the loss. Renewed, ended or taken over since: nothing. */
  | { type: 'release_lost'; task_id: string; worker: string }
  /** The guardian's word for one conversation at work, once for each number. It wakes nobody and makes no result old. */
  | { type: 'steer'; task_id: string; number: number; finding: string; body: string }
  | { type: 'event'; event: string; data: JsonObject };
