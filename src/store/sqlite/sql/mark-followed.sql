-- Others come after these runs. Index: the unique one of id.
update duckdive_run set durable = durable | 8
where id in (select value from json_each(:ids)) and durable & 8 = 0
