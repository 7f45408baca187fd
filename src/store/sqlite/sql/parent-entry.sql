-- The entry of a parent that a child was started for, while it is pending. Index: the unique one of id, then the primary key.
select run.seq, entry.kind
from duckdive_run as run
join duckdive_entry as entry on entry.run = run.seq and entry.name = :entry
where run.id = :parent and entry.state = 'pending'
