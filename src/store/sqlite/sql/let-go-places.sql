-- Takes places from runs. With the casts SQLite finds each by both columns, and walks over no other. Index: the primary key.
delete from duckdive_place
where (gate, run) in (select cast(value ->> 0 as text), cast(value ->> 1 as integer) from json_each(:places))
