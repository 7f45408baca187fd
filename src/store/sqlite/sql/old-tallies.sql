-- Whether there are counts from before a time. Index: the primary key.
select minute from duckdive_tally where minute < :before order by minute limit 1
