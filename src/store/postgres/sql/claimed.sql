-- What a claim holds, and the gates of each.
select id, token, job, version, queue, priority, input, attempt, crashes, requested_at, run_at, started_at, start_by,
  finish_by, tags, meta, is_paused, gate_keys, rate_keys, batch, durable, parent, is_unique
from duckdive.claimed(:claim::uuid)
