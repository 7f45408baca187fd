-- What workers published; a row a job.
select job, version, queue, priority, attempts, prepared, description, crashes from duckdive_definition order by job
