-- What workers published.
select job, version, queue, priority, attempts, prepared, description from duckdive.definition order by job
