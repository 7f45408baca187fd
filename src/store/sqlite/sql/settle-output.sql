-- Ends an execution that succeeded with a short output. Index: the primary key.
update duckdive_run
set state = 'succeeded', finished_at = :now, expires_at = max(:expiresAt, coalesce(unique_until, 0)), worker = null, cancel_asked = null,
  error = null, output = :output, body = body & 1
where seq = :seq and token = :token and state = 'running' and durable & 31 = 0
