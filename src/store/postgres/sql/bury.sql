-- Gives the runs of dead workers back and takes the workers out.
select run, job, attempt, worker, state, cause, innocent from duckdive.bury(:deaths::json, :how::text, :now::bigint)
