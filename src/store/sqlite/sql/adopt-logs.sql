-- Keeps the log of a run that comes from another store. Index: the primary key.
insert into duckdive_log (run, number, at, attempt, level, message, fields)
select :run, key + 1, value ->> '$.at', value ->> '$.attempt', value ->> '$.level', value ->> '$.message', value -> '$.fields'
from json_each(:logs)
