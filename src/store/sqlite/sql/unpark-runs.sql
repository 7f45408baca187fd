-- Makes waiting runs ready again. Those that waited for a worker keep what they waited for as their route, so that an
-- older worker does not take them once more. Index: the primary key.
update duckdive_run
set state = 'ready', route = case wait_reason when 'worker' then wait_on else route end,
  wait_reason = null, wait_on = null
where seq in (select value from json_each(:seqs)) and state = 'waiting'
