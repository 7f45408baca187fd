-- The runs in these states, none of which has ended, as long as they are no more than so many. Indexes: the partial ones of each state.
select seq from duckdive_run where state = 'running' and exists (select 1 from json_each(:states) where value = 'running')
union all
select seq from duckdive_run where state = 'waiting' and exists (select 1 from json_each(:states) where value = 'waiting')
union all
select seq from duckdive_run where state = 'scheduled' and exists (select 1 from json_each(:states) where value = 'scheduled')
union all
select seq from duckdive_run where state = 'ready' and fair is null
  and exists (select 1 from json_each(:states) where value = 'ready')
union all
select seq from duckdive_run where state = 'ready' and fair is not null
  and exists (select 1 from json_each(:states) where value = 'ready')
limit :limit
