-- Records a durable call that has settled, at the next position of its run. Index: the primary key.
insert into duckdive_entry (run, name, kind, hash, state, position, value, error, attempts)
values (
  :run, :name, :kind, :hash, :state,
  coalesce((select max(position) from duckdive_entry where run = :run), 0) + 1, :value, :error, :attempts
)
