-- Removes runs that are not running; answers for each 'live', 'ended' or null.
select duckdive.remove(:ids::uuid[])
