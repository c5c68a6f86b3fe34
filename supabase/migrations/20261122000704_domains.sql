-- Lists of allowed values as domains. Postgres reads a table's CHECKs from their stored text again in every statement that writes to the table, and
-- evaluates all of them whatever was written; a session keeps those of a domain parsed, and they are evaluated where the column is written.

create domain banyan.priority as text constraint priority_check check (value in ('critical', 'high', 'medium', 'low'));
create domain banyan.ticket_kind as text constraint ticket_kind_check check (value in ('feature', 'bug'));
create domain banyan.ticket_state as text constraint ticket_state_check check (value in ('analyzing', 'needs_clarification', 'ready_for_dev',
  'in_progress', 'in_qa', 'in_review', 'done', 'awaiting_approval', 'blocked', 'paused', 'failed', 'cancelled'));
create domain banyan.task_state as text constraint task_state_check check (value in ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled',
  'dead'));
create domain banyan.positive_integer as integer constraint positive_integer_check check (value > 0);
create domain banyan.natural_integer as integer constraint natural_integer_check check (value >= 0);

-- What names the columns goes, and comes again below or in the next migration.
drop trigger hold on public.tickets;
drop trigger touch on public.tickets;
drop trigger touch on public.tasks;
drop trigger note_death on public.tasks;
drop trigger count_hours on public.tasks;
drop trigger ended on public.tasks;
drop trigger check_ended on public.tasks;
drop index public.tasks_ready;
alter table public.tasks drop column priority_rank;

alter table public.tickets
  drop constraint tickets_kind_check, drop constraint tickets_state_check, drop constraint tickets_priority_check,
  alter column kind type banyan.ticket_kind, alter column state type banyan.ticket_state, alter column priority type banyan.priority;

alter table public.tasks
  drop constraint tasks_state_check, drop constraint tasks_priority_check, drop constraint tasks_blockers_check,
  drop constraint tasks_max_attempts_check, drop constraint tasks_timeout_seconds_check,
  alter column state type banyan.task_state, alter column priority type banyan.priority, alter column blockers type banyan.natural_integer,
  alter column max_attempts type banyan.positive_integer, alter column timeout_seconds type banyan.positive_integer;

alter table public.tasks add column priority_rank smallint not null
  generated always as (case priority when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end) stored;
create index tasks_ready on public.tasks (organization_id, priority_rank, run_id, due_at, id) where state = 'pending' and blockers = 0 and not held;
