-- Tells the timelines of all that wait for one thing that it has come. Index: duckdive_run_waiting.
insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select run.seq, coalesce((select max(number) from duckdive_event where run = run.seq), 0) + 1,
  :now, 'unparked', run.attempt, run.token, null, json_object('reason', :reason, 'on', :on)
from duckdive_run as run
where run.state = 'waiting' and run.wait_reason = :reason and run.wait_on = :on
