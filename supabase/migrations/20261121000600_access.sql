-- Who may read what. Row Level Security is on for every table. Members read their organization's rows as their role permits; nobody
-- but `service_role` writes (people write through the application); `anon` has nothing.
-- Every grant is written out: since October 2026 Supabase exposes no new table by itself, while older projects grant everything by default.

-- The organizations in which the asking profile holds a permission, directly or through the roles that its role inherits.
-- A policy asks once for a statement (an uncorrelated IN), not once for a row.
create function banyan.permitted_organizations(p_permission text) returns setof uuid
language sql stable security definer
set search_path = ''
as $$
  with recursive held as (
    select m.organization_id, r.permissions, r.inherits_role_id
    from public.memberships m
    join public.roles r on r.id = m.role_id and (r.organization_id is null or r.organization_id = m.organization_id)
    where m.profile_id = banyan.current_profile_id()
    union
    select h.organization_id, r.permissions, r.inherits_role_id
    from held h
    join public.roles r on r.id = h.inherits_role_id and (r.organization_id is null or r.organization_id = h.organization_id)
  )
  select distinct h.organization_id
  from held h, unnest(h.permissions) as pattern
  where pattern in ('*', '*:*', p_permission, split_part(p_permission, ':', 1) || ':*', '*:' || split_part(p_permission, ':', 2))
$$;

revoke execute on function banyan.permitted_organizations from public, anon, authenticated;
grant execute on function banyan.permitted_organizations to service_role;
-- Policies are evaluated as the one who asks. Without USAGE on the schema neither can be called but by a policy.
grant execute on function banyan.permitted_organizations, banyan.current_profile_id to authenticated;

alter table public.agent_actions enable row level security;
alter table public.agents enable row level security;
alter table public.api_keys enable row level security;
alter table public.approvals enable row level security;
alter table public.artifacts enable row level security;
alter table public.audit_log enable row level security;
alter table public.code_generations enable row level security;
alter table public.conversations enable row level security;
alter table public.deliveries enable row level security;
alter table public.diagnoses enable row level security;
alter table public.discoveries enable row level security;
alter table public.effects enable row level security;
alter table public.events enable row level security;
alter table public.installations enable row level security;
alter table public.memberships enable row level security;
alter table public.memories enable row level security;
alter table public.messages enable row level security;
alter table public.organizations enable row level security;
alter table public.profiles enable row level security;
alter table public.projects enable row level security;
alter table public.questions enable row level security;
alter table public.roles enable row level security;
alter table public.runs enable row level security;
alter table public.task_comments enable row level security;
alter table public.task_dependencies enable row level security;
alter table public.task_inputs enable row level security;
alter table public.tasks enable row level security;
alter table public.tickets enable row level security;
alter table public.validations enable row level security;

-- A profile is seen by itself and by those who may list the members of an organization it belongs to.
create policy read on public.profiles for select to authenticated using (
  id = (select banyan.current_profile_id())
  or id in (
    select m.profile_id from public.memberships m
    where m.profile_id is not null and m.organization_id in (select banyan.permitted_organizations('members:read'))
  )
);
create policy read on public.memberships for select to authenticated using (
  profile_id = (select banyan.current_profile_id())
  or organization_id in (select banyan.permitted_organizations('members:read'))
);
-- The presets (no organization) are no secret.
create policy read on public.roles for select to authenticated using (
  organization_id is null
  or organization_id in (select banyan.permitted_organizations('roles:read'))
);
create policy read on public.agent_actions for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('conversations:read'))
);
create policy read on public.agents for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('agents:read'))
);
create policy read on public.api_keys for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('api_keys:read'))
);
create policy read on public.approvals for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.artifacts for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('runs:read'))
);
create policy read on public.audit_log for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('audit:read'))
);
create policy read on public.code_generations for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.conversations for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('conversations:read'))
);
create policy read on public.deliveries for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('deliveries:read'))
);
create policy read on public.diagnoses for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('runs:read'))
);
create policy read on public.discoveries for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.effects for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('effects:read'))
);
create policy read on public.events for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('events:read'))
);
create policy read on public.installations for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('projects:read'))
);
create policy read on public.memories for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('memories:read'))
);
create policy read on public.messages for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('conversations:read'))
);
create policy read on public.organizations for select to authenticated using (
  id in (select banyan.permitted_organizations('organizations:read'))
);
create policy read on public.projects for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('projects:read'))
);
create policy read on public.questions for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.runs for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('runs:read'))
);
create policy read on public.task_comments for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tasks:read'))
);
create policy read on public.task_dependencies for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tasks:read'))
);
create policy read on public.task_inputs for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.tasks for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tasks:read'))
);
create policy read on public.tickets for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('tickets:read'))
);
create policy read on public.validations for select to authenticated using (
  organization_id in (select banyan.permitted_organizations('runs:read'))
);

revoke all on table
  public.agent_actions, public.agents, public.api_keys, public.approvals, public.artifacts, public.audit_log,
  public.code_generations, public.conversations, public.deliveries, public.diagnoses, public.discoveries, public.effects,
  public.events, public.installations, public.memberships, public.memories, public.messages, public.organizations,
  public.profiles, public.projects, public.questions, public.roles, public.runs, public.task_comments, public.task_dependencies,
  public.task_inputs, public.tasks, public.tickets, public.validations
  from public, anon, authenticated, service_role;

-- A key's hash is for the application only.
grant select (id, organization_id, created_by, name, prefix, scopes, expires_at, last_used_at, revoked_at, created_at, updated_at)
  on public.api_keys to authenticated;
grant select on table
  public.agent_actions, public.agents, public.approvals, public.artifacts, public.audit_log, public.code_generations,
  public.conversations, public.deliveries, public.diagnoses, public.discoveries, public.effects, public.events,
  public.installations, public.memberships, public.memories, public.messages, public.organizations, public.profiles,
  public.projects, public.questions, public.roles, public.runs, public.task_comments, public.task_dependencies,
  public.task_inputs, public.tasks, public.tickets, public.validations
  to authenticated;
grant select, insert, update, delete on table
  public.agent_actions, public.agents, public.api_keys, public.approvals, public.artifacts, public.code_generations,
  public.conversations, public.deliveries, public.diagnoses, public.discoveries, public.effects, public.installations,
  public.memberships, public.memories, public.messages, public.organizations, public.profiles, public.projects, public.questions,
  public.roles, public.runs, public.task_comments, public.task_dependencies, public.task_inputs, public.tasks, public.tickets,
  public.validations
  to service_role;
grant select, insert on table public.audit_log, public.events to service_role;
revoke all on sequence public.effects_position, public.deliveries_seq_seq, public.events_id_seq, public.audit_log_id_seq, public.agent_actions_id_seq
  from public, anon, authenticated;
grant usage on sequence public.effects_position to service_role;
