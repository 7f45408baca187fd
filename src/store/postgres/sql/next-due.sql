-- When something is due next: the start of a scheduled run, or the end of a run's patience. The database's time with it.
-- Indexes: runs_scheduled, runs_start_by, runs_finish_by.
select
  least(
    (select min(run_at) from duckdive.runs where state = 'scheduled'), (select min(until) from duckdive.overdue)
  ),
  duckdive.now_or(:now::bigint)
