-- Whether a schedule in a worker's code is gone or retired, or has another definition that no live worker has. Indexes:
-- duckdive_scheduler_worker, the primary keys.
select 1 from duckdive_scheduler as own
left join duckdive_schedule as schedule on schedule.name = own.schedule
where own.worker = :worker and own.schedule <> ''
  and (schedule.name is null or schedule.origin <> 'code' or schedule.retired_at is not null or (
    schedule.digest <> own.digest and not exists (
      select 1 from duckdive_scheduler as other
      where other.schedule = schedule.name and other.digest = schedule.digest
    )
  ))
limit 1
