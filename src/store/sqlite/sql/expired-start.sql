-- Runs that should have started by now. Index: duckdive_run_start_by.
select seq, id, body, job from duckdive_run
where start_by is not null and started_at is null and state in ('scheduled', 'ready', 'waiting') and start_by <= :now
order by start_by, seq limit :limit
