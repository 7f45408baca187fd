-- Some shares of a lane, each with its longest-due run, from a share on: jumps over the index duckdive_run_fair.
with recursive share (seq, number) as (
  select (
    select seq from duckdive_run
    where state = 'ready' and fair is not null and queue = :queue and priority = :priority and route = :route
      and fair > :after
    order by fair, run_at, seq limit 1
  ), 1
  union all
  select (
    select run.seq from duckdive_run as run
    where run.state = 'ready' and run.fair is not null
      and run.queue = :queue and run.priority = :priority and run.route = :route and run.fair > here.fair
    order by run.fair, run.run_at, run.seq limit 1
  ), number + 1
  from share join duckdive_run as here on here.seq = share.seq
  where number < :limit
)
select run.fair, run.run_at, run.seq from share join duckdive_run as run on run.seq = share.seq
