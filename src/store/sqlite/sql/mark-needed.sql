-- A run comes after these, of which one may have been recorded anew. Indexes: duckdive_dependency_open, the unique one of id.
update duckdive_run set durable = durable | 8
where id in (select needs from duckdive_dependency where run = :run and done = 0) and durable & 8 = 0
