-- Removes the counts of the minutes before a time. Index: the primary key.
delete from duckdive_tally where minute < :before
