-- The workers, with what each has and holds.
select id, host, pid, release, queues, started_at, heartbeat_at,
  (select count(*) from duckdive.held where held.worker = worker.id),
  coalesce((
    select json_agg(json_build_object('job', job, 'version', version) order by job)
    from duckdive.ability where ability.worker = worker.id
  ), '[]'),
  runner, report
from duckdive.worker order by started_at, id
