-- Makes the partitions of the coming days that are missing.
select duckdive.extend_history(:now::bigint)
