-- Records runs; answers the ids that were there already. Through text, since some drivers encode JSON a second time.
select id::text as id from duckdive.insert_runs(:runs::text::json, :now::bigint, :notice::text, :nonce::text) as id
