-- Whether a run comes after one that is not fine by now. Index: duckdive_dependency_open.
select 1 from duckdive_dependency where run = :run and done = 0 limit 1
