-- Retires what no live worker names any more, while one lives that would: it named all of its application's, or has the
-- job. Schedules are few.
update duckdive_schedule set retired_at = :now
where origin = 'code' and retired_at is null
  and exists (
    select 1 from duckdive_scheduler as other where other.schedule = '' and (
      other.digest = 'all' or exists (
        select 1 from duckdive_ability as had where had.job = duckdive_schedule.job and had.worker = other.worker
      )
    )
  )
  and not exists (select 1 from duckdive_scheduler as had where had.schedule = duckdive_schedule.name)
