-- When a worker has to tick next. Index: duckdive_schedule_due.
select next_at from duckdive_schedule
where next_at is not null and paused_at is null and retired_at is null
  and case origin when 'code' then name in (select value from json_each(:names)) else job in (select value from json_each(:jobs)) end
order by next_at limit 1
