-- Gives the runs of dead workers back and takes the workers out.
select run, job, attempt, worker, state from duckdive.rescue(:workers::text[], :now::bigint)
