-- Makes the lanes of queues at their priorities that are not there yet.
select duckdive.lane_for(
  lane.queue, lane.priority, '', false, coalesce(lane.gated, false), coalesce(lane.fair, false)
)
from json_to_recordset(:lanes::json) as lane (queue text, priority smallint, gated boolean, fair boolean)
