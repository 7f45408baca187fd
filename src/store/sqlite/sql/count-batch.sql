-- Changes the counts of a batch. Index: the primary key.
update duckdive_batch
set total = total + :total, succeeded = succeeded + :succeeded, failed = failed + :failed, cancelled = cancelled + :cancelled
where id = :id
returning id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
