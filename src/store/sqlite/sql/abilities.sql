-- What each worker has; some rows a process.
select worker, job, version from duckdive_ability order by job
