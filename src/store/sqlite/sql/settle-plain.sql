-- Ends many executions of one claim at once that succeeded and returned nothing: most of them.
-- The fence is in it: a run claimed anew has another token. Only the count is asked for: with `returning` it would be
-- wrong, since the driver stops at the first row. Index: the primary key.
update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, body = body & 3
where seq in (select value from json_each(:seqs)) and token = :token and state = 'running' and durable & 31 = 0
