-- Claims the longest-due runs of one lane. Index: duckdive_run_ready.
update duckdive_run
set state = 'running', token = :token, attempt = attempt + 1, worker = :worker, started_at = :now
where seq in (
  select seq from duckdive_run
  where state = 'ready' and queue = :queue and priority = :priority and route = :route
  order by run_at, seq limit :limit
)
returning seq, id, job, version, queue, priority, input, attempt, crashes, requested_at, run_at, started_at, start_by, finish_by,
  tags, meta, parent, body
