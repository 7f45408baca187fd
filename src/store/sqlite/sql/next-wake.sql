-- When the next entry that somebody waits for is due. Index: duckdive_run_wake.
select min(wake_at) from duckdive_run
where state = 'waiting' and wait_reason = 'entries' and wake_at is not null
