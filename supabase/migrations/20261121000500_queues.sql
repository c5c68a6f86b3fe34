-- What workers read and write all day: the inbox, the ledger of effects, and the transcripts.

-- The inbox. State `pending` with a lease that has not run out: a worker has it. `subject` orders what belongs to one issue.
create table public.deliveries (
  guid text primary key,
  seq bigint not null generated always as identity,
  event text not null,
  action text,
  installation_id bigint,
  repository text,
  number integer,
  subject text not null,
  body text not null,
  state text not null default 'pending' check (state in ('pending', 'processed', 'dead')),
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  lease_owner text,
  lease_expires_at timestamptz,
  error jsonb,
  organization_id uuid references public.organizations on delete set null,
  received_at timestamptz not null default clock_timestamp(),
  processed_at timestamptz,
  updated_at timestamptz not null default now()
) with (fillfactor = 85);
create index deliveries_open on public.deliveries (seq) where state = 'pending';
create index deliveries_subject on public.deliveries (subject, seq) where state = 'pending';
create index deliveries_dead on public.deliveries (received_at) where state = 'dead';
create index deliveries_organization on public.deliveries (organization_id, seq);

-- A body is stored as the text it came as (jsonb costs Postgres three times the work). lz4 where this build has it, pglz elsewhere.
do $$
begin
  alter table public.deliveries alter column body set compression lz4;
exception when feature_not_supported or invalid_parameter_value then
  null;
end
$$;

-- The ledger: what is wanted done on GitHub, once for each key and generation.
--   pending  wanted; performed when its lane's older ones are done
--   begun    a worker performs it under a lease; after the lease's end another takes it up
--   settled  done, `result` says what came of it; wanting it again raises the generation and makes it pending
--   failed   given up, for people to see
-- `begun` (the column) stays true until it is settled: whoever performs it then looks on GitHub first.
create sequence public.effects_position;
create table public.effects (
  key text primary key,
  position bigint not null default nextval('public.effects_position'),
  organization_id uuid not null references public.organizations on delete cascade,
  project_id uuid not null references public.projects on delete cascade,
  ticket_id uuid references public.tickets on delete cascade,
  task_id uuid references public.tasks on delete set null,
  kind text not null,
  lane text not null,
  payload jsonb not null,
  generation integer not null default 1,
  state text not null default 'pending' check (state in ('pending', 'begun', 'settled', 'failed')),
  begun boolean not null default false,
  result jsonb,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  lease_owner text,
  lease_expires_at timestamptz,
  error jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  settled_at timestamptz
) with (fillfactor = 75);
alter sequence public.effects_position owned by public.effects.position;
create index effects_open on public.effects (position) where state in ('pending', 'begun');
create index effects_lane on public.effects (lane, position) where state in ('pending', 'begun');
create index effects_failed on public.effects (updated_at) where state = 'failed';
create index effects_ticket on public.effects (ticket_id) where ticket_id is not null;
create index effects_task on public.effects (task_id) where task_id is not null;

-- The sums of a task's transcript stand here, so that a ticket's spend is read from a few rows.
create table public.conversations (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  task_id uuid not null unique references public.tasks on delete cascade,
  workspace jsonb,
  last_seq integer not null default 0,
  model_calls integer not null default 0,
  tool_calls integer not null default 0,
  tokens_in bigint not null default 0,
  tokens_out bigint not null default 0,
  cost_usd numeric(18, 8) not null default 0,
  duration_ms bigint not null default 0,
  models text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 70);

-- Many rows: no foreign key to the organization, whose rows go with their conversation.
create table public.messages (
  conversation_id uuid not null references public.conversations on delete cascade,
  seq integer not null,
  organization_id uuid not null,
  kind text not null check (kind in ('system', 'human', 'ai', 'tool')),
  content jsonb not null,
  model text,
  tool_name text,
  tool_call_id text,
  tool_input jsonb,
  tokens_in bigint,
  tokens_out bigint,
  cost_usd numeric(18, 8),
  duration_ms bigint,
  is_error boolean,
  created_at timestamptz not null default clock_timestamp(),
  primary key (conversation_id, seq)
);

-- Every model and tool call: who, what, input, output (cut), tokens, cost. Many rows; they go with their task.
create table public.agent_actions (
  id bigint generated always as identity primary key,
  organization_id uuid not null,
  ticket_id uuid not null,
  run_id uuid not null,
  task_id uuid not null references public.tasks on delete cascade,
  seq integer not null,
  agent text not null,
  kind text not null check (kind in ('model', 'tool')),
  name text,
  input text,
  output text,
  tokens_in bigint not null default 0,
  tokens_out bigint not null default 0,
  cost_usd numeric(18, 8) not null default 0,
  duration_ms bigint not null default 0,
  is_error boolean not null default false,
  created_at timestamptz not null default clock_timestamp()
);
create index agent_actions_task on public.agent_actions (task_id, seq);
create index agent_actions_ticket on public.agent_actions (ticket_id, id);

create trigger touch before update on public.deliveries for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.effects for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.conversations for each row execute function banyan.touch_updated_at();
