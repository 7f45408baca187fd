-- Removes a schedule. Index: the primary key.
delete from duckdive_schedule where name = :name
