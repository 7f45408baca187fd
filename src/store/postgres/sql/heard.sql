-- A worker has heard these messages. Index: the primary key.
delete from duckdive.message where worker = :worker::text and id = any(:messages::text[])
