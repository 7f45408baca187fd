-- As settle-plain, saying which were ended: for a batch of which some were refused. Index: the primary key.
update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, body = body & 3
where seq in (select value from json_each(:seqs)) and token = :token and state = 'running' and durable & 31 = 0
returning seq
