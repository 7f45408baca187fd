-- Takes the lock of a worker for this connection, and says in its row whether it has one. An old connection that nobody
-- has told of its end may hold it still: then the worker has none that speaks for it.
update duckdive.worker set lock = case when pg_try_advisory_lock(:lock::bigint) then :lock::bigint end
where id = :worker::text returning lock is not null
