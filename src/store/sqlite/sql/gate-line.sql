-- How many are in line at a gate, ten thousand at most; or in front of one that is. Index: duckdive_run_parked.
select count(*) from (
  select 1 from duckdive_run
  where parked_on = :gate and (
    :seq is null or priority > :priority
    or (priority = :priority and (run_at < :runAt or (run_at = :runAt and seq < :seq)))
  )
  limit 10000
)
