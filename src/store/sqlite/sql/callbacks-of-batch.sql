-- What is recorded when a batch is over. Index: the primary key.
select on_success, on_finished from duckdive_batch where id = :id
