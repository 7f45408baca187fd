-- Records runs as they stood in another store; answers those that were not here.
select id::text from duckdive.adopt(:items::json, :token::bigint, :now::bigint) as id
