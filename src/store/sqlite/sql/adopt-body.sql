-- Keeps the long texts of a run that comes from another store. Index: the primary key.
insert into duckdive_body (run, input, output, error) values (:run, :input, :output, :error)
