-- Asks for the end of a running run. Index: the primary key.
update duckdive_run set cancel_asked = :reason where seq = :seq
