-- What happened to a run. Index: the unique one of id, then the primary key.
select at, kind, attempt, token, worker, detail from duckdive_event
where run = (select seq from duckdive_run where id = :id) order by number
