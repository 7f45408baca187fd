-- Lets the next token be higher than one of another store. Index: the primary key.
update duckdive_meta set claims = max(claims, :token) where id = 1
