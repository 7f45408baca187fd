-- Gives a run its unique key. Index: the unique one of id.
update duckdive_run set unique_key = :key, unique_while = :while, unique_until = requested_at + :window where id = :id
