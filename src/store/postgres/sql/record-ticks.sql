-- Records ticks with their runs and moves the schedule on.
select duckdive.record_ticks(
  :schedule, :expected::bigint, :next::bigint, :unlessRunning::boolean, :ticks::json, :kept::integer,
  :ids::uuid[], :inputs::text[], :numbers::integer[], :shapes::json, :isLong::boolean, :notice, :now::bigint,
  :keys::uuid[]
)
