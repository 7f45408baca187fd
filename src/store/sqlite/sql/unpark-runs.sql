-- Makes ready whatever waits for one thing. What waited for a worker keeps that as its route, so that an older worker
-- does not take it once more. One that was given a later time meanwhile is scheduled for it. Index: duckdive_run_waiting.
update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), route = case wait_reason when 'worker' then wait_on else route end,
  wait_reason = null, wait_on = null
where state = 'waiting' and wait_reason = :reason and wait_on = :on
