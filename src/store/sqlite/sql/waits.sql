-- How many executions waited how long, by the minute or the hour, oldest first. Indexes: the primary keys.
select minute, queue, step, number from duckdive_wait_hour where minute >= :since
union all
select minute, queue, step, number from duckdive_wait where minute >= :since order by minute, queue, step
