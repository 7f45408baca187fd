-- The lanes that have ready runs with a fair share: as lanes.sql, over the index duckdive_run_fair. How long the first of
-- such a lane has waited is told by its shares.
with recursive lane (seq) as (
  select (
    select seq from duckdive_run where state = 'ready' and fair is not null
    order by queue, priority, route, fair, run_at, seq limit 1
  )
  union all
  select coalesce(
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null
        and run.queue = here.queue and run.priority = here.priority and run.route > here.route
      order by run.route, run.fair, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null and run.queue = here.queue and run.priority > here.priority
      order by run.priority, run.route, run.fair, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is not null and run.queue > here.queue
      order by run.queue, run.priority, run.route, run.fair, run.run_at, run.seq limit 1
    )
  )
  from lane join duckdive_run as here on here.seq = lane.seq
)
select run.queue, run.priority, run.route from lane join duckdive_run as run on run.seq = lane.seq
