-- When a worker has to tick next, and whether a schedule in its code is gone or retired, or has another definition that no
-- live worker has. Indexes: schedule_due, scheduler_worker, the primary keys.
select
  (
    select next_at from duckdive.schedule
    where next_at is not null and paused_at is null and retired_at is null
      and case origin when 'code' then name = any(:names::text[]) else job = any(:jobs::text[]) end
    order by next_at limit 1
  ),
  exists (
    select from duckdive.scheduler as own left join duckdive.schedule as known on known.name = own.schedule
    where own.worker = :worker and own.schedule <> ''
      and (known.name is null or known.origin <> 'code' or known.retired_at is not null or (
        known.digest <> own.digest and not exists (
          select from duckdive.scheduler as other where other.schedule = known.name and other.digest = known.digest
        )
      ))
  )
