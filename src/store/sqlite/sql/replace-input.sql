-- Gives a run that is not running the input of a later request, and the version that this is of. Index: the primary key.
update duckdive_run
set input = :input, version = :version, body = (body & ~1) | :body
where seq = :seq
