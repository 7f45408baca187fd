-- Takes a run out of its line: to be claimed, or to its time, if it was given a later one meanwhile. Index: the primary key.
update duckdive_run
set state = iif(run_at > :now, 'scheduled', 'ready'), wait_reason = null, wait_on = null, parked_on = null
where seq = :seq
