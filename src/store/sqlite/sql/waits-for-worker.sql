-- Each job@version that runs wait for: jumps over the index duckdive_run_waiting from one to the next.
with recursive wait (name) as (
  select (select min(wait_on) from duckdive_run where state = 'waiting' and wait_reason = 'worker')
  union all
  select (
    select min(run.wait_on) from duckdive_run as run
    where run.state = 'waiting' and run.wait_reason = 'worker' and run.wait_on > wait.name
  )
  from wait where wait.name is not null
)
select name from wait where name is not null
