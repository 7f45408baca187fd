-- A look without any lock or trace: whether something can be claimed, whether transactions are under way that a cursor
-- has passed, and when something is due.
select
  exists (select from duckdive.lanes_with_work('{"*": 1}', :abilities::jsonb, false)),
  exists (
    select from duckdive.lane cross join lateral (
      select pend from duckdive.lane_state as own where own.lane = lane.id order by own.n desc limit 1
    ) as state
    where state.pend <> '{}'
  ),
  duckdive.next_due(null)
