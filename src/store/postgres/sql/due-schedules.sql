-- What a worker should tick now, the longest due first. Index: schedule_due.
select name, origin, job, times, policy, input, next_at from duckdive.schedule
where next_at <= duckdive.now_or(:now::bigint) and paused_at is null and retired_at is null
  and case origin when 'code' then name = any(:names::text[]) else job = any(:jobs::text[]) end
order by next_at limit :limit::integer
