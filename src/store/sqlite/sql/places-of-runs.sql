-- The places that some runs have. Index: duckdive_place_run.
select run, gate, kept from duckdive_place where run in (select value from json_each(:runs))
