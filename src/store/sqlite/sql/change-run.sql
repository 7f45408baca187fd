-- Changes a run that is not running and has not ended. With a new time it is scheduled or ready by that, unless it waits
-- for something, which it then goes on waiting for. Index: the primary key.
update duckdive_run
set queue = coalesce(:queue, queue), priority = coalesce(:priority, priority), run_at = coalesce(:runAt, run_at),
  state = case when :runAt is null or state = 'waiting' then state when :runAt > :now then 'scheduled' else 'ready' end
where seq = :seq and state in ('scheduled', 'ready', 'waiting')
