-- Rolls up an hour of minutes, if there is one to roll up. Indexes: the primary keys.
select duckdive.roll_up_tallies(:now::bigint)
