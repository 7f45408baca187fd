-- Tells workers something; answers for each message to how many it went.
select duckdive.tell(:messages::json, :now::bigint)
