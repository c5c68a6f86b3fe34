-- Times go before the words of the call: a number in a command is no part of how long it took.

create or replace function banyan.outcome_of(p_text text, p_argument text) returns text
language sql immutable
set search_path = ''
as $$
  select left(md5(
    regexp_replace(
      regexp_replace(
        regexp_replace(
          regexp_replace(
            replace(left(p_text, 4000), to_json(p_argument)::text, ''),
            '(duration(_ms)?|seed|pid|time)[: =]+[0-9.]+|[0-9]+([.][0-9]+)? ?(ms|µs|us|s|sec|seconds|m|min|minutes)\M', '#', 'gi'),
          '\m(' || coalesce((
            select string_agg(distinct word, '|') from regexp_split_to_table(left(p_argument, 600), '[^A-Za-z0-9_]+') as word where word <> ''
          ), '#') || ')\M', '', 'g'),
        '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+|/(private/)?(tmp|var/folders)/[^[:space:]''"`):,]+', '#', 'gi'),
      '[0-9]*(:[0-9]*)+([.][0-9]+)?z?|\mline [0-9]*', ':#', 'gi')), 16)
$$;
