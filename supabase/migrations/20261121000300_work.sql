-- GitHub's side (installations, projects) and the work: tickets, runs, tasks and what hangs on them.
-- Rows that many statements change (leases, sums) keep free room in their pages and no index on the columns that change often,
-- so that an update stays on its page.

create table public.installations (
  -- GitHub's own id.
  id bigint primary key,
  organization_id uuid not null references public.organizations on delete cascade,
  account_login text not null,
  suspended_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index installations_organization on public.installations (organization_id);

create table public.projects (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  installation_id bigint not null references public.installations deferrable initially deferred,
  github_id bigint not null unique,
  owner text not null,
  name text not null,
  repository text not null generated always as (lower(owner || '/' || name)) stored,
  default_branch text not null,
  settings jsonb not null default '{}',
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- Not unique: a repository that was deleted and made again has the same name and another id.
create index projects_repository on public.projects (repository);
create index projects_organization on public.projects (organization_id);
create index projects_installation on public.projects (installation_id);

create table public.tickets (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid not null references public.projects on delete cascade,
  number integer not null,
  title text not null,
  body text not null default '',
  author text not null,
  url text not null,
  kind text not null check (kind in ('feature', 'bug')),
  state text not null check (state in ('analyzing', 'needs_clarification', 'ready_for_dev', 'in_progress', 'in_qa', 'in_review', 'done',
    'awaiting_approval', 'blocked', 'paused', 'failed', 'cancelled')),
  priority text not null default 'medium' check (priority in ('critical', 'high', 'medium', 'low')),
  refined_description text,
  acceptance_criteria text[] not null default '{}',
  waiting_for text,
  waiting_on text,
  waiting_since timestamptz,
  note text,
  run_id uuid,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, number)
) with (fillfactor = 85);
create index tickets_organization on public.tickets (organization_id, state);

create table public.runs (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid not null references public.projects on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  state text not null default 'queued' check (state in ('queued', 'running', 'paused', 'completed', 'failed', 'stopped_budget', 'stopped_gate', 'stopped_user')),
  workflow text not null,
  config_snapshot jsonb not null,
  budget_usd numeric(14, 6) not null check (budget_usd >= 0),
  warn_at_usd numeric(14, 6) not null check (warn_at_usd >= 0),
  spent_usd numeric(18, 8) not null default 0,
  warned_at timestamptz,
  stop_reason text,
  report jsonb,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 70);
create index runs_ticket on public.runs (ticket_id);
create index runs_organization on public.runs (organization_id, state);
create index runs_project on public.runs (project_id);
alter table public.tickets add constraint tickets_run_id_fkey foreign key (run_id) references public.runs on delete set null;
create index tickets_run on public.tickets (run_id) where run_id is not null;

create function banyan.refuse_snapshot_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'the configuration snapshot of a run never changes' using errcode = 'PT405';
end
$$;
create trigger snapshot_immutable before update of config_snapshot on public.runs
  for each row when (old.config_snapshot is distinct from new.config_snapshot) execute function banyan.refuse_snapshot_change();

-- One task is one conversation of one role. `lease_owner` stays on a cancelled task, so that its worker learns of it.
create table public.tasks (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid not null references public.projects on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  run_id uuid not null references public.runs on delete cascade,
  parent_task_id uuid references public.tasks on delete set null,
  key text not null,
  role text not null,
  phase text not null,
  title text not null,
  input jsonb not null default '{}',
  output jsonb,
  state text not null default 'pending' check (state in ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'dead')),
  priority text not null default 'medium' check (priority in ('critical', 'high', 'medium', 'low')),
  priority_rank smallint not null generated always as (case priority when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end) stored,
  attempts integer not null default 0,
  max_attempts integer not null check (max_attempts > 0),
  due_at timestamptz not null default now(),
  timeout_seconds integer not null check (timeout_seconds > 0),
  -- Woken by a person's words and still collecting them: the next words put the start off again.
  collecting boolean not null default false,
  lease_owner text,
  lease_expires_at timestamptz,
  waiting_for text,
  waiting_on text,
  waiting_since timestamptz,
  error jsonb,
  tokens_in bigint not null default 0,
  tokens_out bigint not null default 0,
  cost_usd numeric(18, 8) not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (run_id, key),
  check (state <> 'running' or (lease_owner is not null and lease_expires_at is not null)),
  check (state <> 'waiting' or waiting_for is not null)
) with (fillfactor = 70);
-- The claim reads each organization's queue in this order.
create index tasks_due on public.tasks (organization_id, priority_rank, due_at, id) where state = 'pending';
-- Without the lease's end, so that a renewal touches no index.
create index tasks_running on public.tasks (organization_id) where state = 'running';
create index tasks_dead on public.tasks (finished_at) where state = 'dead';
create index tasks_ticket on public.tasks (ticket_id);
create index tasks_parent on public.tasks (parent_task_id) where parent_task_id is not null;

create table public.task_dependencies (
  task_id uuid not null references public.tasks on delete cascade,
  depends_on_task_id uuid not null references public.tasks on delete cascade,
  organization_id uuid not null references public.organizations on delete cascade,
  created_at timestamptz not null default now(),
  primary key (task_id, depends_on_task_id),
  check (task_id <> depends_on_task_id)
);
create index task_dependencies_reverse on public.task_dependencies (depends_on_task_id);

-- People's words that wait for a conversation. `source` names the comment they came from.
create table public.task_inputs (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  task_id uuid not null references public.tasks on delete cascade,
  source text not null,
  author text not null,
  body text not null,
  taken_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (ticket_id, source)
);
create index task_inputs_task on public.task_inputs (task_id);

create table public.questions (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  ticket_id uuid not null references public.tickets on delete cascade,
  task_id uuid not null references public.tasks on delete cascade,
  number integer not null,
  round integer not null,
  body text not null,
  assumption text,
  state text not null default 'asked' check (state in ('asked', 'answered', 'assumed', 'withdrawn')),
  answered_by text,
  answer text,
  changed_criterion text,
  asked_at timestamptz not null default now(),
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (ticket_id, number)
);
create index questions_task on public.questions (task_id);

create trigger touch before update on public.installations for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.projects for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.tickets for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.runs for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.tasks for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.questions for each row execute function banyan.touch_updated_at();
revoke execute on function banyan.refuse_snapshot_change from public, anon, authenticated;
grant execute on function banyan.refuse_snapshot_change to service_role;
