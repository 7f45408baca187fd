-- Writes down what dead workers were executing under claims that a crash of the database has undone. Indexes: runs_pkey,
-- claims_worker, event_pkey, and that of the history by id.
select duckdive.write_undone(:deaths::json, :now::bigint)
