-- Runs by state, for the whole store.
with held as materialized (select id from duckdive.held)
select case when held.id is null then run.state else 'running' end as state, count(*)
from duckdive.runs as run left join held on held.id = run.id group by 1
union all
select state, count(*) from duckdive.history group by 1
