-- Records runs of which some come after others or are counted in batches, and batches; answers for those that were not recorded
-- which run is meant instead, and why, or what refuses all. Through text, as `insert-runs` does.
select id::text as id, run::text as run, answer, let_go::text as let_go
from duckdive.record_flow(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text, :keys::text::uuid[], :patience::text,
  :runs::text::uuid[], :needs::text::uuid[], :policies::text::smallint[], :batches::text::json
)
