-- Runs that were chosen among several lanes in this transaction, as one JSON text. Index: the primary key.
select json_group_array(json_array(
  seq, id, job, version, queue, priority, input, attempt + 1, crashes, requested_at, run_at,
  iif(started_at is null, start_by, null), finish_by, tags, meta, parent, body, gates, fair, durable, batch
))
from (
  select * from duckdive_run
  where seq in (select value from json_each(:seqs)) and state = 'ready'
)
