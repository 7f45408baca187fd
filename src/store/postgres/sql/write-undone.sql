-- Writes down what dead workers were executing under claims that a crash of the database has undone. Indexes: the primary
-- keys of runs, events and history. Claims are read as they lie: there are as many as workers have open.
select duckdive.write_undone(:deaths::json, :now::bigint)
