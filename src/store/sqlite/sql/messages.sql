-- What a worker was told and has not heard, oldest first. Index: the unique one.
select id, name, payload, at from duckdive_message where worker = :worker order by number limit 100
