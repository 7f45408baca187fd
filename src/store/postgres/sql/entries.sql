-- The durable calls of a run, in the order in which they settled, then the pending ones. Index: the primary key.
select name, kind, hash, state, position, value, error, due_at, attempts, written_at
from duckdive.entry where run = :run::uuid order by position nulls last, name
