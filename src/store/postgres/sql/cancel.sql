-- Ends runs that are not running, asks for the end of those that are; answers for each 'ended', 'asked' or null.
select duckdive.cancel(:ids::uuid[], :reason::text, :now::bigint)
