-- A batch goes with its last run, or batch. Indexes: the primary key, duckdive_run_batch, duckdive_batch_outer.
delete from duckdive_batch
where id = :id
  and not exists (select 1 from duckdive_run where batch = :id)
  and not exists (select 1 from duckdive_batch as own where own.batch = :id)
