-- Takes from runs that start the promise of a rate, which they have paid. Index: duckdive_place_run.
delete from duckdive_place where run in (select value from json_each(:runs)) and gate like 'rate %'
