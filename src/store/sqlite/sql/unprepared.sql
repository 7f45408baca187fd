-- A run that still waits for its preparation. Index: the unique one of id.
select seq, run_at, requested_at, body, durable from duckdive_run
where id = :id and state = 'waiting' and wait_reason = 'preparation'
