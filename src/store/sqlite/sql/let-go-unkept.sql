-- Takes from runs the places that are not kept to their end. Index: duckdive_place_run.
delete from duckdive_place where run in (select value from json_each(:runs)) and kept = 0
