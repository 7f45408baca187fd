-- Ends the waiting of runs that were recorded without their definition; answers those that failed by it.
select id from duckdive.prepare_runs(:items::json, :now::bigint) as id
