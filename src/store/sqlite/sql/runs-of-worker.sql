-- What a worker holds. Index: duckdive_run_running.
select seq, id, job, attempt, run_at, route, cancel_asked, body from duckdive_run
where state = 'running' and worker = :worker
