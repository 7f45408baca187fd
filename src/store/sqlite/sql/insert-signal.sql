-- Keeps a signal, once. Index: the unique one of id.
insert into duckdive_signal (id, run, job, key, name, payload, received_at, taken)
values (:id, :run, :job, :key, :name, :payload, :now, 0)
on conflict (id) do nothing
