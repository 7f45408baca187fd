-- Makes the partitions of the coming days that are missing, and gives runs of a restored dump new positions.
select duckdive.come_home(), duckdive.extend_history(:now::bigint)
