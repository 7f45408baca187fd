-- Makes an ended run ready again, as if it had been asked for now. Index: the primary key.
update duckdive_run
set state = 'ready', run_at = :now, attempt = 0, crashes = 0, started_at = null, finished_at = null, expires_at = null,
  reason = null, error = null, output = null, body = body & 1,
  start_by = :now + start_within, finish_by = :now + finish_within
where seq = :seq
