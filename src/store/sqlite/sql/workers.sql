-- The workers, with what each holds. Index: duckdive_run_running.
select id, host, pid, release, queues, started_at, heartbeat_at,
  (select count(*) from duckdive_run as run where run.state = 'running' and run.worker = duckdive_worker.id) as running,
  runner, report
from duckdive_worker order by started_at, id
