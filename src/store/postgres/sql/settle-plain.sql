-- Ends executions that succeeded and say nothing else; answers which were taken, null for all.
select duckdive.settle_plain(
  :runs::uuid[], :tokens::bigint[], :claims::uuid[], :outputs::text[], :keeps::bigint[], :done::uuid[], :now::bigint
)
