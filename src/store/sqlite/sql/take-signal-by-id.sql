-- An entry has this signal now. Index: the unique one of id.
update duckdive_signal set taken = 1 where id = :id
