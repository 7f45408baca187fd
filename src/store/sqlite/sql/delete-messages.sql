-- A worker has heard these messages. Index: the unique one.
delete from duckdive_message where worker = :worker and id in (select value from json_each(:messages))
