-- Ends executions in every way; answers for each the state its run is in by that, null for those that were refused. Then the
-- runs of which an errand was left behind, and when the first of those that were suspended is to be woken.
select answers, unfinished, due from duckdive.settle_all(:items::json, :done::uuid[], :now::bigint)
