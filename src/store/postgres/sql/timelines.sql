-- What happened to runs, one after the other. Index: the primary key.
select run, at, kind, attempt, token, worker, detail from duckdive.event where run = any(:ids::uuid[]) order by run, at, number
