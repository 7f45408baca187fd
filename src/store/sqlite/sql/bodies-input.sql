-- The long inputs of some runs. Index: the primary key.
select run, input from duckdive_body where run in (select value from json_each(:seqs))
