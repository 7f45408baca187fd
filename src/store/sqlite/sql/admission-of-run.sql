-- The gates and the fair share of a run, for another store. Index: the unique one of id.
select gates, fair from duckdive_run where id = :id
