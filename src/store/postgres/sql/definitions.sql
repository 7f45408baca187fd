-- What workers published.
select job, version, queue, priority, attempts, prepared, description, crashes from duckdive.definition order by job
