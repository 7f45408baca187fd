-- Writes how far a run is, if the execution that says so still owns it. Index: the unique one of id.
insert into duckdive_progress (run, at, done, total, note)
select run.seq, :now, :done, :total, :note
from duckdive_run as run where run.id = :id and run.token = :token and run.state = 'running'
on conflict (run) do update set at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note
