-- A page of batches, the newest id first. Index: the primary key.
select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id < :before order by id desc limit :limit
