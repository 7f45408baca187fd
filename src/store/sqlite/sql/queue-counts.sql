-- Live runs by queue and state. Indexes: the partial ones of each state, which hold the queue.
select queue, 'ready' as state, count(*) as number from duckdive_run where state = 'ready' and fair is null group by queue
union all select queue, 'ready', count(*) from duckdive_run where state = 'ready' and fair is not null group by queue
union all select queue, 'scheduled', count(*) from duckdive_run where state = 'scheduled' group by queue
union all select queue, 'running', count(*) from duckdive_run where state = 'running' group by queue
union all select queue, 'waiting', count(*) from duckdive_run where state = 'waiting' group by queue
