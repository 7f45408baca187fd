-- Records a durable call. One that waits for a signal gets its place behind the others that do.
-- Indexes: the primary key, duckdive_entry_signal.
insert into duckdive_entry (run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at)
values (
  :run, :name, :kind, :hash, :state, :position, :value, :error, :dueAt, :attempts,
  iif(:kind = 'signal' and :state = 'pending', 1 + coalesce((
    select max(number) from duckdive_entry where run = :run and hash = :hash and state = 'pending' and kind = 'signal'
  ), 0), null),
  :now
)
