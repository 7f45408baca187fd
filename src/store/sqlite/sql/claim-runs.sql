-- Claims runs that were read in this transaction, for the release that the worker is of. Indexes: the primary keys.
update duckdive_run
set state = 'running', token = :token, attempt = attempt + 1, worker = :worker, started_at = :now,
  ran = (select release from duckdive_worker where id = :worker)
where seq in (select value from json_each(:seqs))
