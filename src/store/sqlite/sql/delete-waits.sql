-- Removes how long runs waited in the minutes before a time. Index: the primary key.
delete from duckdive_wait where minute < :before
