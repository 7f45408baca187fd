-- What the doctor looks at: the server, the migration, the partitions ahead, the oldest snapshot and who has it, the
-- queue of notifications, the size of live runs, and whether commits are synced.
select
  current_setting('server_version'),
  (select max(number) from duckdive.migration),
  (
    select coalesce(max(right(relname, 8)::date) - to_timestamp(duckdive.now_or(:now::bigint) / 1000)::date, 0)
    from pg_class
    where relname ~ '^history_week_[0-9]{8}$'
      and relnamespace = (select relnamespace from pg_class where oid = 'duckdive.history'::regclass)
  ),
  oldest.milliseconds,
  oldest.holder,
  pg_notification_queue_usage(),
  pg_size_pretty(pg_total_relation_size('duckdive.runs')),
  current_setting('synchronous_commit')
from (select 1) as one
left join lateral (
  select floor(extract(epoch from clock_timestamp() - xact_start) * 1000)::bigint as milliseconds,
    'pid ' || pid || coalesce(', ' || application_name, '') as holder
  from pg_stat_activity
  where xact_start is not null and (backend_xmin is not null or backend_xid is not null) and pid <> pg_backend_pid()
  order by xact_start limit 1
) as oldest on true
