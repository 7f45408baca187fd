-- A run whose execution the fence still owns. Index: the unique one of id.
select seq, job, run_at, route, cancel_asked, body from duckdive_run
where id = :id and token = :token and state = 'running'
