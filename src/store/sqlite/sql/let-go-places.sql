-- Takes all their places from runs that have ended, saying of which gates. Index: duckdive_place_run.
delete from duckdive_place where run in (select value from json_each(:runs)) returning gate
