-- The last ticks of a schedule. Index: the primary key.
select at, until, count, outcome, run, note, recorded_at from duckdive_tick
where schedule = :name order by number desc limit :limit
