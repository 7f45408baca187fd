-- A batch as it stands. Index: the primary key.
select id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, created_at, finished_at, succeeded_at
from duckdive_batch where id = :id
