-- At which of some gates somebody is in line. Index: duckdive_run_parked.
select value from json_each(:gates) where exists (select 1 from duckdive_run where parked_on = value)
