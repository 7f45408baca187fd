-- Keeps a durable call of a run that comes from another store. Index: the primary key.
insert into duckdive_entry (run, name, kind, hash, state, position, value, error, due_at, attempts)
values (:run, :name, :kind, :hash, :state, :position, :value, :error, :dueAt, :attempts)
