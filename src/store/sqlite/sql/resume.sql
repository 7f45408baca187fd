-- Ends a pause. Index: the primary key.
delete from duckdive_pause where kind = :kind and name = :name
