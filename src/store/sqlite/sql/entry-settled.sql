-- Whether one of the durable calls that a run would wait for has settled already. Index: the primary key.
select 1 from duckdive_entry
where run = :run and name in (select value from json_each(:names)) and state <> 'pending' limit 1
