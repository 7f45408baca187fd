-- The durable calls of runs, one run after the other, as each is read alone. Index: the primary key.
select run, name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.entry where run = any(:ids::uuid[]) order by run, position nulls last, name
