-- Makes the lanes of queues at their priorities that are not there yet, and those where rerouted jobs go to.
select duckdive.lane_for(
  home.queue, lane.priority, '', false, coalesce(lane.gated, false), coalesce(lane.fair, false)
)
from json_to_recordset(:lanes::json) as lane (queue text, priority smallint, gated boolean, fair boolean)
cross join lateral (select lane.queue union select queue from duckdive.reroute) as home
