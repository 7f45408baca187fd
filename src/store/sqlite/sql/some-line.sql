-- Whether somebody is in line anywhere. Index: duckdive_run_parked.
select 1 from duckdive_run where parked_on is not null limit 1
