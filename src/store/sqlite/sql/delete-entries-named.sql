-- Removes durable calls of a run. Index: the primary key.
delete from duckdive_entry where run = :run and name in (select value from json_each(:names))
