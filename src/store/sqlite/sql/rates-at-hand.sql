-- When the next start of some rates is due. Index: the primary key.
select gate, arrival, held_until from duckdive_rate where gate in (select value from json_each(:gates))
