-- The first of these ids that no run has. Index: the unique one of id.
select value from json_each(:ids) as asked
where not exists (select 1 from duckdive_run where id = asked.value) limit 1
