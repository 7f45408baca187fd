-- What nobody is there any more to hear. Index: the unique one.
delete from duckdive_message where worker = :worker
