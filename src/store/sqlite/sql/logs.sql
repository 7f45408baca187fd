-- What a run logged. Index: the unique one of id, then the primary key.
select at, attempt, level, message, fields from duckdive_log
where run = (select seq from duckdive_run where id = :id) order by number
