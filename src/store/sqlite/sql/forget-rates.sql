-- Forgets rates that are as good as unused. Indexes: duckdive_rate_over, and the primary key of the places.
delete from duckdive_rate
where gate in (
  select gate from duckdive_rate as rate
  where over_at <= :now and opens_at is null
    and not exists (select 1 from duckdive_place as place where place.gate = rate.gate)
  order by over_at limit :limit
)
