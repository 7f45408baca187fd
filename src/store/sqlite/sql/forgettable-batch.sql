-- A batch that has been over for long and has nothing left. Indexes: duckdive_batch_finished, duckdive_run_batch.
select 1 from duckdive_batch
where finished_at <= :before
  and not exists (select 1 from duckdive_run where batch = duckdive_batch.id)
  and not exists (select 1 from duckdive_batch as own where own.batch = duckdive_batch.id)
limit 1
