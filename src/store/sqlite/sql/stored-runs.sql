-- Runs as they stand, by their place. Index: the primary keys.
select run.seq, run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 then body.input else run.input end as input,
  case when run.body & 2 then body.output else run.output end as output,
  case when run.body & 4 then body.error else run.error end as error,
  run.tags, run.meta, run.release, run.parent, run.batch, progress.done, progress.total, progress.note,
  iif(run.durable & 32, (
    select json_group_array(needs) from (
      select needs from duckdive_dependency as pair where pair.run = run.seq and pair.done = 0 limit 100
    )
  ), null) as after, run.ran
from duckdive_run as run
left join duckdive_body as body on body.run = run.seq and run.body <> 0
left join duckdive_progress as progress on progress.run = run.seq
where run.seq in (select value from json_each(:seqs))
