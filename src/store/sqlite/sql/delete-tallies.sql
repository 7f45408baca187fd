-- Removes counts from before a time, of so many minutes at most. Index: the primary key.
delete from duckdive_tally
where minute in (select distinct minute from duckdive_tally where minute < :before order by minute limit :limit)
