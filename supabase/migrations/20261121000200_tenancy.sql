-- Tenants: an organization is a GitHub account that installed the App. People are profiles; people and agents are members.

create table public.organizations (
  id uuid primary key default banyan.uuid7(),
  github_id bigint not null unique,
  login text not null,
  type text not null default 'Organization',
  settings jsonb not null default '{}',
  -- Null: no limit.
  max_concurrent_agents integer default 10 check (max_concurrent_agents >= 0),
  max_agent_runtime_hours numeric(10, 2) check (max_agent_runtime_hours > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- The id is the one of Supabase Auth's user; no foreign key, because that schema exists on Supabase only.
create table public.profiles (
  id uuid primary key,
  github_id bigint unique,
  login text,
  display_name text,
  email text,
  avatar_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- `organization_id` null: a preset that every organization has. Permissions are `resource:action`; `*` stands for any of either.
create table public.roles (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid references public.organizations on delete cascade,
  key text not null check (key ~ '^[a-z][a-z0-9_-]*$'),
  name text not null,
  description text not null default '',
  permissions text[] not null default '{}',
  inherits_role_id uuid references public.roles deferrable initially deferred,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (organization_id, key)
);
create index roles_inherits on public.roles (inherits_role_id) where inherits_role_id is not null;

-- An agent of the registry: capabilities, signs of life, and the key that its identity is signed with.
create table public.agents (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  key text not null,
  role text not null,
  name text not null,
  capabilities text[] not null default '{}',
  state text not null default 'active' check (state in ('active', 'silent', 'stopped', 'retired')),
  public_key text,
  last_seen_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, key)
);

create table public.memberships (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  role_id uuid not null references public.roles deferrable initially deferred,
  profile_id uuid references public.profiles on delete cascade,
  agent_id uuid references public.agents on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (num_nonnulls(profile_id, agent_id) = 1),
  unique (organization_id, profile_id),
  unique (organization_id, agent_id)
);
create index memberships_profile on public.memberships (profile_id) where profile_id is not null;
create index memberships_agent on public.memberships (agent_id) where agent_id is not null;
create index memberships_role on public.memberships (role_id);

-- A key is shown once; only its hash is kept. `prefix` is what people recognise it by.
create table public.api_keys (
  id uuid primary key default banyan.uuid7(),
  organization_id uuid not null references public.organizations on delete cascade,
  created_by uuid references public.profiles on delete set null,
  name text not null,
  prefix text not null,
  hash text not null unique,
  scopes text[] not null default '{}',
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index api_keys_organization on public.api_keys (organization_id);
create index api_keys_created_by on public.api_keys (created_by) where created_by is not null;

-- No foreign keys: the log outlives what it tells about.
create table public.audit_log (
  id bigint generated always as identity primary key,
  organization_id uuid not null,
  actor_kind text not null check (actor_kind in ('profile', 'agent', 'api_key', 'github', 'system')),
  actor text not null,
  action text not null,
  target_kind text not null,
  target text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index audit_log_organization on public.audit_log (organization_id, id);

create trigger append_only before update or delete on public.audit_log for each row execute function banyan.refuse_change();
create trigger append_only_truncate before truncate on public.audit_log for each statement execute function banyan.refuse_change();
create trigger touch before update on public.organizations for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.profiles for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.roles for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.agents for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.memberships for each row execute function banyan.touch_updated_at();
create trigger touch before update on public.api_keys for each row execute function banyan.touch_updated_at();
