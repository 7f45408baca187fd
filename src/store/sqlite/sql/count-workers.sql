-- How many workers there are, or whether this one is there. Index: the primary key.
select count(*) from duckdive_worker where :worker is null or id = :worker
