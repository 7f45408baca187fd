-- Ends executions that succeeded and say nothing else; answers which were taken, null for all, and of which something was left
-- behind.
select taken, unfinished from duckdive.settle_quickly(
  :runs::uuid[], :tokens::bigint[], :claims::uuid[], :outputs::text[], :keeps::bigint[], :done::uuid[], :now::bigint
)
