-- A look without any lock or trace: whether something can be claimed or prepared, whether transactions are under way that
-- a cursor has passed, when something is due, and whether somebody shall end. Indexes: runs_waiting, runs_cancel.
select
  exists (select from duckdive.lanes_with_work('{"*": 1}', :abilities::jsonb, false))
    or exists (select from duckdive.runs where state = 'waiting' and wait_reason = 'preparation'),
  exists (
    select from duckdive.lane cross join lateral (
      select pend from duckdive.lane_state as own where own.lane = lane.id order by own.n desc limit 1
    ) as state
    where state.pend <> '{}'
  ),
  duckdive.next_due(null),
  exists (select from duckdive.runs where cancel_asked is not null)
