-- How the durable calls stand that a run would wait for. Index: the primary key.
select state, due_at from duckdive_entry
where run = :run and name in (select value from json_each(:names))
