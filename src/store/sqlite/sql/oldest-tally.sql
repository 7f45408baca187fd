-- The oldest minute that is not rolled up. Index: the primary keys.
select min(minute) from (
  select min(minute) as minute from duckdive_tally union all select min(minute) from duckdive_wait
)
