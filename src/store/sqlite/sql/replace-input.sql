-- Gives a run that is not running the input of a later request, with what was computed of it, and the version
-- that this is of. Index: the primary key.
update duckdive_run
set input = :input, version = :version, body = (body & ~1) | :body, gates = :gates, fair = :fair
where seq = :seq
