-- Removes how long runs waited in hours before a time, of so many hours at most. Index: the primary key.
delete from duckdive_wait_hour where minute in (
  select distinct minute from duckdive_wait_hour where minute < :before order by minute limit :limit
)
