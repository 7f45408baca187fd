-- Removes batches that have been over for long and have nothing left. Indexes: duckdive_batch_finished, duckdive_run_batch.
delete from duckdive_batch
where id in (
  select id from duckdive_batch as over
  where over.finished_at <= :before
    and not exists (select 1 from duckdive_run where batch = over.id)
    and not exists (select 1 from duckdive_batch as own where own.batch = over.id)
  limit :limit
)
