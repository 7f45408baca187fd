-- What a run logged. Index: the primary key.
select at, attempt, level, message, fields from duckdive.log where run = :run::uuid order by at, number
