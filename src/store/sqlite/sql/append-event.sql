-- Appends to the timeline of a run. Index: the primary key.
insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select :run, coalesce((select max(number) from duckdive_event where run = :run), 0) + 1,
  :at, :kind, run.attempt, run.token, run.worker, :detail
from duckdive_run as run where run.seq = :run
