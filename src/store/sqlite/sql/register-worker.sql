-- Enters a worker, or enters it again. Index: the primary key.
insert into duckdive_worker (id, host, pid, process_start, release, runner, queues, started_at, heartbeat_at)
values (:id, :host, :pid, :processStart, :release, :runner, :queues, :now, :now)
on conflict (id) do update set
  host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
  runner = excluded.runner, queues = excluded.queues, started_at = excluded.started_at,
  heartbeat_at = excluded.heartbeat_at, beats = beats + 1
