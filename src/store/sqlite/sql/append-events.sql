-- Appends the same event to the timelines of many runs. Index: the primary keys.
insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select run.seq, coalesce((select max(number) from duckdive_event where run = run.seq), 0) + 1,
  :at, :kind, run.attempt, run.token, run.worker, :detail
from duckdive_run as run where run.seq in (select value from json_each(:seqs))
