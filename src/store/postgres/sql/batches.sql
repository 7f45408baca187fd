-- Batches by id, with what is counted of them everywhere. Indexes: the primary key, batch_change_batch.
select own.id, own.name, own.batch, counts.total, counts.succeeded, counts.failed, counts.cancelled, own.created_at,
  own.finished_at, own.succeeded_at
from duckdive.batch as own cross join lateral duckdive.counts_of(own.id) as counts
where own.id = any(:ids::uuid[])
