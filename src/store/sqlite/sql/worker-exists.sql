-- Whether a worker is registered. Index: the primary key.
select 1 from duckdive_worker where id = :worker
