-- The last position given in a run. Index: duckdive_entry_position.
select max(position) from duckdive_entry where run = :run and position is not null
