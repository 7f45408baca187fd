-- Writes a line of a run's log, if the execution that wrote it still owns the run. Index: the unique one of id.
insert into duckdive_log (run, number, at, attempt, level, message, fields)
select run.seq, coalesce((select max(number) from duckdive_log where run = run.seq), 0) + 1,
  :now, run.attempt, :level, :message, :fields
from duckdive_run as run where run.id = :id and run.token = :token and run.state = 'running'
