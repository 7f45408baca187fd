-- Takes a worker out. Index: the primary key.
delete from duckdive_worker where id = :worker
