-- The runs of a worker that somebody asked to end. Index: duckdive_run_cancel.
select id, token, cancel_asked from duckdive_run
where cancel_asked is not null and worker = :worker and state = 'running'
