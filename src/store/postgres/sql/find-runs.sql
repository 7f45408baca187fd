-- Runs by id, wherever they are: one statement, one snapshot, or a run that moves between the two would be nowhere.
select run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 = 1 then body.input else run.input::text end,
  case when run.body & 2 = 2 then body.output else run.output::text end,
  case when run.body & 4 = 4 then body.error else run.error::text end,
  run.tags, run.meta, run.release, progress.done, progress.total, progress.note
from duckdive.stored as run
left join duckdive.body on body.run = run.id and run.body <> 0
left join duckdive.progress on progress.run = run.id
where run.id = any(:ids::uuid[])
