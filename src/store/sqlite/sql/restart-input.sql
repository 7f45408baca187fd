-- A run begins anew: with another input and the version of whoever made that, all its attempts and no crash. Index: the primary key.
update duckdive_run set input = :input, version = :version, body = :body, attempt = 1, crashes = 0, durable = durable | 1 where seq = :seq
