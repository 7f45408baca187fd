-- Takes a run from its worker and puts it to rest: ready, scheduled or waiting. One that was only claimed to be parked
-- has not started by that, unless an earlier execution left its mark. Index: the primary key.
update duckdive_run
set state = :state, run_at = :runAt, attempt = attempt - :giveBack, worker = null, route = :route,
  wait_reason = :waitReason, wait_on = :waitOn, wake_at = :wakeAt, parked_on = null, error = iif(:hasError, :error, error), body = :body,
  crashes = crashes + :crashes,
  started_at = iif(:isParked and not exists (
    select 1 from duckdive_event where run = :seq and kind in ('failed', 'lost', 'snoozed', 'handedBack', 'suspended')
  ), null, started_at)
where seq = :seq
returning gates, started_at
