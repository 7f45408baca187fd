-- Keeps the results of children that have ended, once. Index: the primary key.
update duckdive_entry set value = :value
where run = :run and name = :name and kind = 'children' and state = 'done' and value is null
