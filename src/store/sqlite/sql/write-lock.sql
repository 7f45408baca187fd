-- Changes nothing, and makes the transaction a writer: what it reads from now on is what it will write upon.
update duckdive_meta set claims = claims where id = 1
