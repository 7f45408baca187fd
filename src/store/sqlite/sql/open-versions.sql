-- Open runs by job and version, so many of each state at most. Indexes: the partial ones of each state.
select job, version, count(*) from (
  select job, version from (select job, version from duckdive_run where state = 'ready' and fair is null limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'ready' and fair is not null limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'scheduled' limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'running' limit :limit)
  union all
  select job, version from (select job, version from duckdive_run where state = 'waiting' limit :limit)
)
group by job, version order by job, version
