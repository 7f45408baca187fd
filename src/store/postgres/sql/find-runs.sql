-- Runs by id, wherever they are, with their long texts and their progress, each by its primary key.
select run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 = 1 then body.input else run.input::text end,
  case when run.body & 2 = 2 then body.output else run.output::text end,
  case when run.body & 4 = 4 then body.error else run.error::text end,
  run.tags, run.meta, run.release, run.parent, run.batch, run.after,
  progress.done, progress.total, progress.note, run.ran
from duckdive.stored(:ids::uuid[]) as run
left join lateral (
  select input, output, error from duckdive.body where body.run = run.id and run.body <> 0 offset 0
) as body on true
left join lateral (select done, total, note from duckdive.progress where progress.run = run.id offset 0) as progress on true
