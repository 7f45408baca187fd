-- Records runs as they stood in another store, with their batches; answers those that were not here.
select id::text
from duckdive.adopt_batches(:batches::json) as batches cross join duckdive.adopt(:items::json, :token::bigint, :now::bigint) as id
