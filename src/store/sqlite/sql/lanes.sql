-- The lanes that have ready runs without a fair share, each with its longest-due run: jumps from lane to lane over the
-- index duckdive_run_ready, so it costs a probe or three a lane however many runs are in it. The jump is written as
-- three probes, since SQLite walks over everything equal when (queue, priority, route) are compared as one row.
with recursive lane (seq) as (
  select (
    select seq from duckdive_run where state = 'ready' and fair is null
    order by queue, priority, route, run_at, seq limit 1
  )
  union all
  select coalesce(
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null
        and run.queue = here.queue and run.priority = here.priority and run.route > here.route
      order by run.route, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null and run.queue = here.queue and run.priority > here.priority
      order by run.priority, run.route, run.run_at, run.seq limit 1
    ),
    (
      select run.seq from duckdive_run as run
      where run.state = 'ready' and run.fair is null and run.queue > here.queue
      order by run.queue, run.priority, run.route, run.run_at, run.seq limit 1
    )
  )
  from lane join duckdive_run as here on here.seq = lane.seq
)
select run.queue, run.priority, run.route, run.run_at, run.seq
from lane join duckdive_run as run on run.seq = lane.seq
