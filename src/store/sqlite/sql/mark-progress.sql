-- An execution has recorded something new: it is the first of as many as the run has. Index: the primary key.
update duckdive_run set attempt = 1, durable = durable | 1 where seq = :seq
