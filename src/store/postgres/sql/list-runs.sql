-- A page of the runs that fit a filter, newest id first: ids are made at the request and begin with its time.
with page as materialized (
  select one.* from duckdive.stored as one
  where (one.id < :before::uuid or :before::uuid is null)
    and (:ids::uuid[] is null or one.id = any(:ids::uuid[]))
    and (:jobs::text[] is null or one.job = any(:jobs::text[]))
    and (:states::text[] is null or one.state = any(:states::text[]))
    and (:queues::text[] is null or one.queue = any(:queues::text[]))
    and (:reasons::text[] is null or one.reason = any(:reasons::text[]))
    and (:waiting::text[] is null or one.wait_reason = any(:waiting::text[]))
    and (:since::bigint is null or one.requested_at >= :since::bigint)
    and (:until::bigint is null or one.requested_at < :until::bigint)
    and (:tags::text[] is null or exists (
      select from json_array_elements_text(one.tags) as tag where tag = any(:tags::text[])
    ))
    and (:meta::jsonb is null or one.meta::jsonb @> :meta::jsonb)
  order by one.id desc limit :limit::integer
)
select run.id, run.job, run.version, run.queue, run.priority, run.state, run.reason, run.wait_reason, run.wait_on,
  run.cancel_asked, run.route, run.token, run.attempt, run.crashes, run.worker, run.requested_at, run.run_at, run.started_at,
  run.finished_at, run.start_by, run.finish_by, run.expires_at,
  case when run.body & 1 = 1 then body.input else run.input::text end,
  case when run.body & 2 = 2 then body.output else run.output::text end,
  case when run.body & 4 = 4 then body.error else run.error::text end,
  run.tags, run.meta, run.release, progress.done, progress.total, progress.note
from page as run
left join duckdive.body on body.run = run.id and run.body <> 0
left join duckdive.progress on progress.run = run.id
order by run.id desc
