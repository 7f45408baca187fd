-- Keeps the timeline of a run that comes from another store. Index: the primary key.
insert into duckdive_event (run, number, at, kind, attempt, token, worker, detail)
select :run, key + 1, value ->> '$.at', value ->> '$.kind', value ->> '$.attempt', value ->> '$.token', value ->> '$.worker',
  value -> '$.detail'
from json_each(:events)
