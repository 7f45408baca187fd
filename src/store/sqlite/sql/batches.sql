-- Batches as they stand. Index: the primary key.
select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id in (select value from json_each(:ids))
