-- Adds to the counts by the minute. Indexes: the primary keys.
select duckdive.add_tallies(:tallies::json, :waits::json)
