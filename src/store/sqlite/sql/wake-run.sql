-- Makes a run ready that waits for its entries. Index: the primary key.
update duckdive_run
set state = 'ready', run_at = :now, wait_reason = null, wait_on = null, wake_at = null
where seq = :seq and state = 'waiting' and wait_reason = 'entries'
