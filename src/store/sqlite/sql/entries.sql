-- The durable calls of a run. Index: the unique one of id, then the primary key.
select entry.name, entry.kind, entry.hash, entry.state, entry.position, entry.value, entry.error, entry.due_at, entry.attempts,
  entry.written_at
from duckdive_entry as entry
where entry.run = (select seq from duckdive_run where id = :id)
order by entry.position is null, entry.position, entry.number, entry.name
