-- Removes counts of hours from before a time, of so many hours at most. Index: the primary key.
delete from duckdive_tally_hour where minute in (
  select distinct minute from duckdive_tally_hour where minute < :before order by minute limit :limit
)
