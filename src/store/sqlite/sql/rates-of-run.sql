-- Where an execution that is rate limited holds others back. Index: the unique one of id.
select queue, gates from duckdive_run where id = :id
