-- Takes the lock of a worker for this connection, and says in its row that it has one.
update duckdive.worker set lock = :lock::bigint
where id = :worker::text and pg_try_advisory_lock(:lock::bigint) returning id
