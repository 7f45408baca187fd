-- Schedules, with who ticks them and what became of the last tick. Indexes: the primary keys.
select
  schedule.name, schedule.origin, schedule.job, schedule.times, schedule.policy, schedule.input, schedule.release,
  schedule.next_at, schedule.paused_at, schedule.retired_at, schedule.created_at,
  case schedule.origin
    when 'code' then (select count(*) from duckdive.scheduler as had where had.schedule = schedule.name)
    else (select count(*) from duckdive.ability as had where had.job = schedule.job)
  end,
  tick.at, tick.until, tick.count, tick.outcome, tick.run, tick.note, tick.recorded_at
from duckdive.schedule
left join duckdive.tick on tick.schedule = schedule.name and tick.number = schedule.ticks
where :names::text[] is null or schedule.name = any(:names::text[])
order by schedule.name collate "C"
