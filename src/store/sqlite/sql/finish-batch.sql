-- Writes down that nothing of a batch is open for the first time, or that all have succeeded. Index: the primary key.
update duckdive_batch
set finished_at = coalesce(finished_at, :finishedAt), succeeded_at = coalesce(succeeded_at, :succeededAt)
where id = :id
returning on_success, on_finished
