-- What runs logged, one after the other. Index: the primary key.
select run, at, attempt, level, message, fields from duckdive.log where run = any(:ids::uuid[]) order by run, at, number
