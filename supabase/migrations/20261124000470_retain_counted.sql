-- As it was, and again only what is counted already: metrics are added up from the log before it goes.
create or replace function banyan.retain_logs(p_limit integer, p_days integer, out events integer, out audit integer)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  v_before timestamptz := now() - make_interval(days => greatest(p_days, 1));
  v_counted bigint := (select c.counted from banyan.metric_cursors c where c.source = 'events');
begin
  perform set_config('banyan.retaining', 'on', true);
  delete from public.events where id in (select id from public.events where created_at < v_before and id <= v_counted limit p_limit);
  get diagnostics events = row_count;
  delete from public.audit_log where id in (select id from public.audit_log where created_at < v_before limit p_limit);
  get diagnostics audit = row_count;
  perform set_config('banyan.retaining', '', true);
end
$$;
