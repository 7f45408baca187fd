-- How many runs there are. SQLite reads its smallest index.
select count(*) from duckdive_run
