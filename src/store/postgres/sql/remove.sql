-- Removes runs that are not running; answers for each 'live', 'ended' or null. Then those that ended by that, and of those that
-- were let go whether there are any, and when the first is due.
select answers, ended, freed, due from duckdive.remove_each(:ids::uuid[], true, :now::bigint)
