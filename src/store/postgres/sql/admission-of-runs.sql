-- The gates and the fair share of runs that have any. Index: the primary keys.
select id, gates, fair from duckdive.runs where id = any(:ids::uuid[]) and (gates is not null or fair is not null)
union all
select id, gates, fair from duckdive.history where id = any(:ids::uuid[]) and (gates is not null or fair is not null)
