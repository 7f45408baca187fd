-- The next claim number: higher than every one before it, also across restarts. It is the token of a whole batch.
update duckdive_meta set claims = claims + 1 where id = 1 returning claims
