-- How many executions waited how long, by the minute or the hour, from a moment on, oldest first. Indexes: the primary keys.
select minute, queue, step, number from duckdive.wait_hour where minute >= :since::bigint
union all
select minute, queue, step, number from duckdive.wait where minute >= :since::bigint order by minute, queue, step
