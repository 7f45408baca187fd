-- Runs that should have ended by now and are not running. Index: duckdive_run_finish_by.
select seq, id, body, job from duckdive_run
where finish_by is not null and state in ('scheduled', 'ready', 'waiting') and finish_by <= :now
order by finish_by, seq limit :limit
