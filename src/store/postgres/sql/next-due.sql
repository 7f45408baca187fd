-- When something is due next: the start of a scheduled run, or the end of a run's patience. The database's time with it.
-- Index: runs_due, from where it has been looked at.
select duckdive.next_due(:now::bigint), duckdive.now_or(:now::bigint)
