-- Makes the partitions for runs that ended at these times and are kept so long.
select duckdive.extend_history_to(:finished::bigint[], :keeps::bigint[])
