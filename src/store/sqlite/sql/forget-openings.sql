-- Says of rates that nobody waits there for their opening. Index: the primary key.
update duckdive_rate set opens_at = null
where gate in (select value from json_each(:gates)) and opens_at is not null
