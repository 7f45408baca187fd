-- Makes a run ready that waited for others, or scheduled for its time. Due since it may start. Index: the primary key.
update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), run_at = max(run_at, :now), wait_reason = null, wait_on = null
where seq = :seq and state = 'waiting' and wait_reason = 'dependency'
returning run_at
