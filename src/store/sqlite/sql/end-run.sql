-- Ends a run, whatever it was doing; one that holds a unique key for a time is kept as long as
-- that. Index: the primary key.
update duckdive_run
set state = :state, reason = :reason, finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null,
  wait_reason = null, wait_on = null, wake_at = null, parked_on = null, cancel_asked = null, attempt = attempt - :giveBack,
  output = :output, error = :error, body = :body, crashes = crashes + :crashes
where seq = :seq
returning gates, durable, parent, parent_entry, batch
