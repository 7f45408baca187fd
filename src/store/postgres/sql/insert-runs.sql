-- Records runs; answers the ids that were there already. Through text, since drivers of the application encode lists and
-- JSON in ways of their own.
select id::text as id
from duckdive.insert_runs(
  :ids::text::uuid[], :inputs::text::text[], :numbers::text::integer[], :shapes::text::json, :known::text::uuid[],
  :isLong::text::boolean, :now::text::bigint, :notice::text, :nonce::text,
  :keys::text::uuid[]
) as id
