-- Makes an ended run ready again, as if it had been asked for now; or it waits for those that it comes after. Index: the primary key.
update duckdive_run
set state = iif(:waits, 'waiting', 'ready'), wait_reason = iif(:waits, 'dependency', null), wait_on = null, run_at = :now, attempt = 0, crashes = 0, started_at = null, finished_at = null, expires_at = null,
  reason = null, error = null, output = null, body = body & 1,
  start_by = :now + start_within, finish_by = :now + finish_within
where seq = :seq
