-- Ends executions of runs with unique keys, or that are followed by others; 'busy': its row is locked at this moment. Then the
-- runs of which an errand was left behind, and when the first of those that were suspended is to be woken.
select answers, unfinished, due from duckdive.settle_apart(:items::json, :done::uuid[], :now::bigint)
