-- Removes a partition that is detached.
select duckdive.drop_partition(:name::text)
