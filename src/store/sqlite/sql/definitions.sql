-- What workers published; a row a job.
select job, version, queue, priority, attempts, prepared, description, crashes, events, redact from duckdive_definition order by job
