-- Where a run stands. Index: the unique one of id.
select seq from duckdive_run where id = :id
