-- The presets that every organization has, each inheriting the one before it.

insert into public.roles (key, name, description, permissions) values
  ('reader', 'Reader', 'Sees projects, work and costs.',
    '{organizations:read,projects:read,members:read,roles:read,agents:read,tickets:read,runs:read,tasks:read,memories:read,events:read}'),
  ('contributor', 'Contributor', 'Opens tickets, comments and answers questions.',
    '{tickets:create,tickets:comment,questions:answer,discoveries:create,conversations:read}'),
  ('planner', 'Planner', 'Plans: changes tickets, adds tasks, decides approvals.',
    '{tickets:update,tasks:create,tasks:update,discoveries:*,approvals:*}'),
  ('executor', 'Executor', 'Starts, pauses and stops runs and carries out tasks.',
    '{runs:*,tasks:*,effects:read,agents:update}'),
  ('admin', 'Administrator', 'Administers everything but the organization''s own existence.',
    '{organizations:update,projects:*,members:*,roles:*,agents:*,tickets:*,memories:*,conversations:*,deliveries:*,effects:*,api_keys:*,audit:read,settings:*}'),
  ('owner', 'Owner', 'May do everything.', '{*:*}');

update public.roles r
set inherits_role_id = p.id
from (values ('contributor', 'reader'), ('planner', 'contributor'), ('executor', 'planner'), ('admin', 'executor'), ('owner', 'admin')) as chain (key, parent)
join public.roles p on p.organization_id is null and p.key = chain.parent
where r.organization_id is null and r.key = chain.key;
