-- An entry has this signal now. Index: the primary key.
update duckdive_signal set taken = 1 where seq = :seq
