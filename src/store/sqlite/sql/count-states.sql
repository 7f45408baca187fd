-- Runs by state, except those that succeeded: they are the rest. Indexes: the partial ones of each state.
select 'scheduled' as state, count(*) as number from duckdive_run where state = 'scheduled'
union all select 'ready', (select count(*) from duckdive_run where state = 'ready' and fair is null)
  + (select count(*) from duckdive_run where state = 'ready' and fair is not null)
union all select 'running', count(*) from duckdive_run where state = 'running'
union all select 'waiting', count(*) from duckdive_run where state = 'waiting'
union all select 'failed', count(*) from duckdive_run where state in ('failed', 'cancelled') and state = 'failed'
union all select 'cancelled', count(*) from duckdive_run where state in ('failed', 'cancelled') and state = 'cancelled'
