-- Claims runs that were chosen among several lanes in this transaction. Index: the primary key.
update duckdive_run
set state = 'running', token = :token, attempt = attempt + 1, worker = :worker, started_at = :now
where seq in (select value from json_each(:seqs)) and state = 'ready'
returning seq, id, job, version, queue, priority, input, attempt, crashes, requested_at, run_at, started_at, start_by, finish_by,
  tags, meta, parent, body
