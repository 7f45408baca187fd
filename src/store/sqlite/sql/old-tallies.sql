-- Whether there are counts of hours from before a time. Indexes: the primary keys.
select minute from duckdive_tally_hour where minute < :before
union all select minute from duckdive_wait_hour where minute < :before limit 1
