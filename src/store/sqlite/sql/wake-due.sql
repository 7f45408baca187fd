-- Makes ready whoever waits for an entry that is due, the longest due first. Index: duckdive_run_wake.
update duckdive_run
set state = 'ready', run_at = wake_at, wait_reason = null, wait_on = null, wake_at = null
where seq in (
  select seq from duckdive_run
  where state = 'waiting' and wait_reason = 'entries' and wake_at is not null and wake_at <= :now
  order by wake_at, seq limit :limit
)
