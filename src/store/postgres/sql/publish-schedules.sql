-- Enters the schedules of a worker's code.
select duckdive.publish_schedules(:worker, :items::json, :isAll::boolean, :release, :away::bigint, :now::bigint)
