-- Batches with all that belongs to them, each followed by the one that it is counted in, and so on. Indexes: the primary key,
-- batch_change_batch.
with recursive up as (
  select own.id as first, 1 as level, own.id, own.batch from duckdive.batch as own where own.id = any(:ids::uuid[])
  union all
  select up.first, up.level + 1, own.id, own.batch from up join duckdive.batch as own on own.id = up.batch
)
select up.first, own.id, own.name, own.batch, counts.total, counts.succeeded, counts.failed, counts.cancelled, own.created_at,
  own.finished_at, own.succeeded_at, own.elsewhere, own.on_success -> 'run', own.on_finished -> 'run', meta.nonce
from up join duckdive.batch as own on own.id = up.id
cross join lateral duckdive.counts_of(own.id) as counts
cross join duckdive.meta
order by up.first, up.level
