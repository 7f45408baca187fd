-- Live runs by queue and state, and when the longest-due ready one became due; and the queues of published jobs and of
-- pauses, with nothing, those that are held back, with the time until when, and those with slots that were set.
with held as materialized (select id from duckdive.held)
select run.queue, case when held.id is null then run.state else 'running' end as state, count(*),
  min(run.run_at) filter (where held.id is null and run.state = 'ready')
from duckdive.runs as run left join held on held.id = run.id
group by 1, 2
union all select queue, 'known', 0, null from duckdive.definition
union all select name, 'paused', 0, null from duckdive.pause where kind = 'queue'
union all select queue, 'held', until, null from duckdive.held_queue where until > duckdive.now_or(:now::bigint)
union all select queue, 'slots', slots, null from duckdive.queue_slots
