-- What is on record under a name. Index: the primary key.
select kind, state, value is not null from duckdive_entry where run = :run and name = :name
