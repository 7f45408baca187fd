-- Ends executions in every way; answers for each the state its run is in by that, null for those that were refused.
select duckdive.settle(:items::json, :done::uuid[], :now::bigint)
