-- Writes down executions whose claim a crash of the database has undone.
select duckdive.write_lost(:worker::text, :items::json, :now::bigint)
