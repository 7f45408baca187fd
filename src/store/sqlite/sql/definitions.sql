-- What workers published; a row a job.
select job, version, queue, priority, attempts, prepared, description, crashes, events from duckdive_definition order by job
