-- Claims runs that were read in this transaction. Index: the primary key.
update duckdive_run
set state = 'running', token = :token, attempt = attempt + 1, worker = :worker, started_at = :now
where seq in (select value from json_each(:seqs))
