-- What happened to a run. Index: the primary key.
select at, kind, attempt, token, worker, detail from duckdive.event where run = :run::uuid order by at, number
