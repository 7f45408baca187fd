-- What a worker should tick now, the longest due first. Index: duckdive_schedule_due.
select name, origin, job, times, policy, input, next_at from duckdive_schedule
where next_at <= :now and paused_at is null and retired_at is null
  and case origin when 'code' then name in (select value from json_each(:names)) else job in (select value from json_each(:jobs)) end
order by next_at limit :limit
