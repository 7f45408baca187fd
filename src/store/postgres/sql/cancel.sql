-- Ends runs that are not running, asks for the end of those that are; answers for each 'ended', 'asked' or null. Then those that
-- ended by that, and of those that were let go whether there are any, and when the first is due.
select answers, ended, freed, due from duckdive.cancel_each(:ids::uuid[], :reason::text, :now::bigint)
