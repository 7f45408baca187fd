-- Ends a run, whatever it was doing; what it held by being alive is let go. Index: the primary key.
update duckdive_run
set state = :state, reason = :reason, finished_at = :now, expires_at = :expiresAt, worker = null,
  wait_reason = null, wait_on = null, cancel_asked = null, unique_key = null, attempt = attempt - :giveBack,
  output = :output, error = :error, body = :body, crashes = crashes + :crashes
where seq = :seq
