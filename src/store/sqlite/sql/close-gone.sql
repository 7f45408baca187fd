-- Of the runs that one came after, those that have succeeded or are gone do not hold it. Index: duckdive_dependency_open,
-- by name: some versions of SQLite would rather read all that it ever came after, which may be thousands.
update duckdive_dependency indexed by duckdive_dependency_open set done = 1
where run = :run and done = 0 and not exists (
  select 1 from duckdive_run where id = duckdive_dependency.needs and state <> 'succeeded'
)
