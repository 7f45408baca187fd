-- Removes batches that have been over for long and have nothing left. Index: batch_finished.
select duckdive.prune_batches(:limit::integer, :now::bigint)
