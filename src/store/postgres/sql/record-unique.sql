-- Records runs of which some have a unique key; answers for those that were not recorded which run is meant instead, and
-- why. Through text, as `insert-runs` does.
select id::text as id, run::text as run, answer, let_go::text as let_go
from duckdive.record_unique(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text, :keys::text::uuid[], :all::text::boolean,
  :patience::text
)
