-- Records a batch, unless its id is known. Index: the primary key.
insert into duckdive_batch (id, name, batch, on_success, on_finished, created_at)
values (:id, :name, :batch, :onSuccess, :onFinished, :now)
on conflict (id) do nothing
