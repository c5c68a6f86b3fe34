-- What the work leaves behind: comments, approvals, artifacts, discoveries, validations, pull requests, memories, events, diagnoses.

-- A threaded audit trail of a task: metrics, blockers, next steps.
create table public.task_comments (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  task_id uuid not null references public.tasks on delete cascade,
  parent_comment_id uuid references public.task_comments on delete cascade,
  kind text not null,
  author text not null,
  body text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp()
);
create index task_comments_task on public.task_comments (task_id);
create index task_comments_parent on public.task_comments (parent_comment_id) where parent_comment_id is not null;

-- An approval holds for exactly what was shown: the hash of the plan and the issue's revision, and the permission that the approver had then.
create table public.approvals (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  run_id uuid references public.runs on delete cascade,
  task_id uuid references public.tasks on delete cascade,
  kind text not null,
  subject_hash text not null,
  subject jsonb not null default '{}',
  state text not null default 'requested' check (state in ('requested', 'approved', 'rejected', 'expired', 'withdrawn')),
  deadline_at timestamptz,
  reminded_at timestamptz,
  decided_by text,
  decided_permission text,
  decided_at timestamptz,
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index approvals_ticket on public.approvals (ticket_id);
create index approvals_run on public.approvals (run_id) where run_id is not null;
create index approvals_task on public.approvals (task_id) where task_id is not null;
create index approvals_open on public.approvals (deadline_at) where state = 'requested';

create table public.artifacts (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  run_id uuid references public.runs on delete cascade,
  task_id uuid references public.tasks on delete cascade,
  kind text not null,
  name text not null,
  content jsonb not null,
  created_at timestamptz not null default clock_timestamp()
);
create index artifacts_ticket on public.artifacts (ticket_id);
create index artifacts_run on public.artifacts (run_id) where run_id is not null;
create index artifacts_task on public.artifacts (task_id) where task_id is not null;

-- Found work. `spawned_task_id` and `spawned_number` name what was branched from it.
create table public.discoveries (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  task_id uuid not null references public.tasks on delete cascade,
  key text not null,
  kind text not null,
  title text not null,
  description text not null,
  state text not null default 'open' check (state in ('open', 'accepted', 'dismissed', 'done')),
  spawned_task_id uuid references public.tasks on delete set null,
  spawned_number integer,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now(),
  unique (task_id, key)
);
create index discoveries_ticket on public.discoveries (ticket_id);
create index discoveries_spawned on public.discoveries (spawned_task_id) where spawned_task_id is not null;

create table public.validations (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  task_id uuid not null references public.tasks on delete cascade,
  kind text not null,
  passed boolean not null,
  summary text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp()
);
create index validations_ticket on public.validations (ticket_id);
create index validations_task on public.validations (task_id);

-- One issue, one branch, one pull request.
create table public.code_generations (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid not null references public.projects on delete cascade,
  ticket_id uuid not null unique references public.tickets on delete cascade,
  branch text not null,
  base_branch text not null,
  base_sha text,
  head_sha text,
  pr_number integer,
  pr_url text,
  pr_node_id text,
  status text not null default 'open' check (status in ('open', 'ready', 'merged', 'closed')),
  files_changed text[] not null default '{}',
  tests_generated text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, pr_number)
);

-- What was learned. Null project: it holds in the whole organization.
create table public.memories (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid references public.projects on delete cascade,
  source_task_id uuid references public.tasks on delete set null,
  kind text not null,
  key text not null,
  content text not null,
  data jsonb not null default '{}',
  uses integer not null default 0,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, project_id, kind, key)
);
create index memories_project on public.memories (project_id) where project_id is not null;
create index memories_source_task on public.memories (source_task_id) where source_task_id is not null;

-- Every change of state, written in the transaction that makes it. No foreign keys: an event outlives what it tells about.
create table public.events (
  id bigint generated always as identity primary key,
  organization_id uuid not null,
  project_id uuid,
  ticket_id uuid,
  run_id uuid,
  task_id uuid,
  type text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp()
);
create index events_organization on public.events (organization_id, id);
create index events_ticket on public.events (ticket_id, id) where ticket_id is not null;

create table public.diagnoses (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid references public.tickets on delete cascade,
  run_id uuid references public.runs on delete cascade,
  task_id uuid references public.tasks on delete cascade,
  kind text not null,
  score numeric(4, 3) check (score between 0 and 1),
  blockers jsonb not null default '[]',
  hypothesis text,
  recovery_task_id uuid references public.tasks on delete set null,
  state text not null default 'open' check (state in ('open', 'recovering', 'resolved', 'dismissed')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index diagnoses_ticket on public.diagnoses (ticket_id) where ticket_id is not null;
create index diagnoses_run on public.diagnoses (run_id) where run_id is not null;
create index diagnoses_task on public.diagnoses (task_id) where task_id is not null;
create index diagnoses_recovery on public.diagnoses (recovery_task_id) where recovery_task_id is not null;

create trigger append_only before update or delete on public.events for each row execute function banyan.refuse_change();
create trigger append_only_truncate before truncate on public.events for each statement execute function banyan.refuse_change();
create trigger touch before update on public.approvals for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.discoveries for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.code_generations for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.memories for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.diagnoses for each row execute function banyan.touch_updated_at();
