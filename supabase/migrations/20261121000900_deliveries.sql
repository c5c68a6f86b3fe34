-- The inbox: receive, open, apply, fail.

-- One call of the webhook function. A GUID that comes again is a duplicate where it was processed, is due or is being worked on; where it
-- waits for a retry or is a dead letter, GitHub's redelivery makes it due at once.
create function public.receive_delivery(
  p_guid text, p_event text, p_action text, p_installation_id bigint, p_repository text, p_number integer, p_issue_hint integer, p_body text
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_issue integer := coalesce(p_issue_hint, (
    select t.number
    from projects p
    join code_generations c on c.project_id = p.id and c.pr_number = p_number
    join tickets t on t.id = c.ticket_id
    where p.repository = p_repository
    limit 1
  ), p_number);
begin
  insert into deliveries as d (guid, event, action, installation_id, repository, number, subject, body)
  values (
    p_guid, p_event, p_action, p_installation_id, p_repository, p_number,
    -- What concerns no issue has nothing to be ordered by.
    coalesce(p_repository || '#' || v_issue, p_guid),
    p_body
  )
  on conflict (guid) do update
    set state = 'pending', attempts = 0, due_at = now(), error = null
    where d.state = 'dead'
      -- Attempted and failed: what nobody has touched yet waits for its turn, whatever the clocks of two transactions say.
      or (d.state = 'pending' and d.attempts > 0 and d.due_at > clock_timestamp() and d.lease_owner is null);
  return jsonb_build_object('status', case when found then 'accepted' else 'duplicate' end);
end
$$;

-- The organization, installation and project of a delivery, made or brought up to date. Rows that say the same already are not written.
create function banyan.ensure_project(p_installation_id bigint, p_account jsonb, p_repository jsonb) returns public.projects
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_organization_id uuid;
  v_project projects;
begin
  insert into organizations as o (github_id, login, type)
  values ((p_account ->> 'id')::bigint, p_account ->> 'login', p_account ->> 'type')
  on conflict (github_id) do update set login = excluded.login, type = excluded.type
    where (o.login, o.type) is distinct from (excluded.login, excluded.type);
  select id into strict v_organization_id from organizations where github_id = (p_account ->> 'id')::bigint;

  insert into installations as i (id, organization_id, account_login)
  values (p_installation_id, v_organization_id, p_account ->> 'login')
  on conflict (id) do update set organization_id = excluded.organization_id, account_login = excluded.account_login
    where (i.organization_id, i.account_login) is distinct from (excluded.organization_id, excluded.account_login);

  insert into projects as p (organization_id, installation_id, github_id, owner, name, default_branch)
  values (v_organization_id, p_installation_id, (p_repository ->> 'id')::bigint,
    p_repository ->> 'owner', p_repository ->> 'name', p_repository ->> 'defaultBranch')
  on conflict (github_id) do update
    set installation_id = excluded.installation_id, owner = excluded.owner, name = excluded.name, default_branch = excluded.default_branch
    where (p.installation_id, p.owner, p.name, p.default_branch)
      is distinct from (excluded.installation_id, excluded.owner, excluded.name, excluded.default_branch);
  select * into strict v_project from projects where github_id = (p_repository ->> 'id')::bigint;
  return v_project;
end
$$;

create function public.open_delivery(
  p_guid text, p_worker text, p_installation_id bigint, p_account jsonb, p_repository jsonb, p_number integer
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_project projects := banyan.ensure_project(p_installation_id, p_account, p_repository);
  v_ticket_id uuid;
begin
  update deliveries set organization_id = v_project.organization_id
  where guid = p_guid and lease_owner = p_worker and organization_id is distinct from v_project.organization_id;

  select id into v_ticket_id from tickets where project_id = v_project.id and number = p_number;
  if v_ticket_id is null then
    select ticket_id into v_ticket_id from code_generations where project_id = v_project.id and pr_number = p_number;
  end if;
  return jsonb_build_object('project', banyan.project_json(v_project), 'snapshot', banyan.snapshot(v_ticket_id));
end
$$;

-- Applies a decision and marks the delivery processed, in one transaction. A conflict leaves both untouched and the lease in place.
create function public.apply_intents(
  p_guid text, p_worker text, p_project_id uuid, p_number integer, p_expect_version integer, p_intents jsonb
) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
declare
  v_ticket tickets;
begin
  perform from deliveries
  where guid = p_guid and state = 'pending' and lease_owner = p_worker
  for no key update;
  if not found then
    return jsonb_build_object('status', 'lost');
  end if;

  if p_project_id is not null then
    select * into v_ticket from tickets where project_id = p_project_id and number = p_number for no key update;
    if p_expect_version is not null and v_ticket.version is distinct from p_expect_version then
      return jsonb_build_object('status', 'conflict');
    end if;
    perform banyan.apply(p_project_id, v_ticket.id, null, p_number, p_intents);
  elsif jsonb_array_length(p_intents) > 0 then
    raise exception 'intents without a ticket to apply them to' using errcode = 'PT400';
  end if;

  update deliveries
  set state = 'processed', processed_at = clock_timestamp(), lease_owner = null, lease_expires_at = null, error = null
  where guid = p_guid;
  return jsonb_build_object('status', 'applied');
end
$$;

-- `p_retry_at` null: a dead letter, which lets the next of its subject go on.
create function public.fail_delivery(p_guid text, p_worker text, p_error jsonb, p_retry_at timestamptz) returns jsonb
language plpgsql volatile
set search_path = public, pg_temp
as $$
begin
  update deliveries
  set state = case when p_retry_at is null then 'dead' else 'pending' end,
    due_at = coalesce(p_retry_at, due_at), error = p_error, lease_owner = null, lease_expires_at = null
  where guid = p_guid and state = 'pending' and lease_owner = p_worker;
  return jsonb_build_object('failed', found);
end
$$;

create function public.ticket_snapshot(p_ticket_id uuid) returns jsonb
language plpgsql stable
set search_path = public, pg_temp
as $$
declare
  v_snapshot jsonb := banyan.snapshot(p_ticket_id);
begin
  if v_snapshot is null then
    raise exception 'no such ticket' using errcode = 'PT404';
  end if;
  return v_snapshot;
end
$$;

revoke execute on function
  public.receive_delivery, public.open_delivery, public.apply_intents, public.fail_delivery, public.ticket_snapshot, banyan.ensure_project
  from public, anon, authenticated;
grant execute on function
  public.receive_delivery, public.open_delivery, public.apply_intents, public.fail_delivery, public.ticket_snapshot, banyan.ensure_project
  to service_role;
