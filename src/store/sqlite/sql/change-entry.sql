-- Changes a durable call that is pending; what it asked for stays. Index: the primary key.
update duckdive_entry
set state = :state, position = :position, value = :value, error = :error, due_at = coalesce(:dueAt, due_at),
  attempts = coalesce(:attempts, attempts), written_at = :now
where run = :run and name = :name and state = 'pending'
