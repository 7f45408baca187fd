-- What has settled in a run after a position. Index: duckdive_entry_position.
select name, kind, hash, state, position, value, error, due_at, attempts, written_at from duckdive_entry
where run = :run and position is not null and position > :after
order by position
