-- A run has a child. Index: the unique one of id.
update duckdive_run set durable = durable | 2 where id = :id and durable & 2 = 0
