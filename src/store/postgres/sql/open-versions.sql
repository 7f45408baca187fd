-- Open runs by job and version, so many at most: for people. No index: the table has the open ones only.
select job, version, count(*) from (select job, version from duckdive.runs limit :limit::bigint) as open
group by job, version order by job, version
