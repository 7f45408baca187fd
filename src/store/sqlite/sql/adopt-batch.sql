-- Records a batch as it stood in another store, or what it counts there by now. Index: the primary key.
insert into duckdive_batch
  (id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, on_success, on_finished, created_at, finished_at, succeeded_at)
values
  (:id, :name, :batch, :counted, :total, :succeeded, :failed, :cancelled, :elsewhere, :onSuccess, :onFinished, :createdAt, :finishedAt, :succeededAt)
on conflict (id) do update set
  elsewhere = excluded.elsewhere,
  finished_at = coalesce(finished_at, excluded.finished_at), succeeded_at = coalesce(succeeded_at, excluded.succeeded_at)
