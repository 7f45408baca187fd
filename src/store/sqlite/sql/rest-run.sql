-- Takes a run from its worker and puts it to rest: ready, scheduled or waiting. Index: the primary key.
update duckdive_run
set state = :state, run_at = :runAt, attempt = attempt - :giveBack, worker = null, route = :route,
  wait_reason = :waitReason, wait_on = :waitOn, error = iif(:hasError, :error, error), body = :body,
  crashes = crashes + :crashes
where seq = :seq
