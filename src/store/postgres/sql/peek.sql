-- A look without any lock or trace: whether something can be claimed or prepared, whether transactions are under way that
-- a cursor has passed, when something is due, whether somebody shall end, and how often schedules have changed.
select
  exists (select from duckdive.lanes_with_work('{"*": 1}', :abilities::jsonb, false)) or calls.preparation,
  exists (
    select from duckdive.lane cross join lateral (
      select pend from duckdive.lane_state as own where own.lane = lane.id order by own.n desc limit 1
    ) as state
    where state.pend <> '{}'
  ),
  duckdive.next_due(null),
  calls.cancellation,
  (select schedules from duckdive.meta)
from duckdive.calls() as calls
