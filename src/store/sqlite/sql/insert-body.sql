-- Keeps a long input beside its run, which was recorded just before. Index: the unique one of id.
insert into duckdive_body (run, input)
select seq, :input from duckdive_run where id = :id
