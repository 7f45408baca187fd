-- Writes down executions whose claim a crash of the database has undone.
select duckdive.write_lost(:items::json, :now::bigint)
