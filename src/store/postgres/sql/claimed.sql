-- What a claim holds.
select id, token, job, version, queue, priority, input, attempt, crashes, requested_at, run_at, started_at, start_by,
  finish_by, tags, meta, is_paused
from duckdive.claimed(:claim::uuid)
