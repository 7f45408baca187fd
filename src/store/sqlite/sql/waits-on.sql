-- What a run waits for, if it waits for its entries. Index: the primary key.
select wait_on from duckdive_run where seq = :seq and state = 'waiting' and wait_reason = 'entries'
