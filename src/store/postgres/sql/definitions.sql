-- What workers published.
select job, version, queue, priority, attempts, prepared, description, crashes, events, redact from duckdive.definition order by job
